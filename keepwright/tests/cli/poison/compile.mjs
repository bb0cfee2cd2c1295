// Prints the creation code of every contract in Tokens.sol: { name: hex }.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compile } from "../../../../chains/chain-door/executor/compile.mjs";

const file = "Tokens.sol";
const sources = { [file]: readFileSync(join(import.meta.dirname, file), "utf8") };
const { contracts } = compile(sources, ["evm.bytecode.object"]);
const codes = Object.entries(contracts[file]).map(([name, { evm }]) => [name, evm.bytecode.object]);
console.log(JSON.stringify(Object.fromEntries(codes)));
