// Runs the Solidity tests of the executor against a node: node run.mjs http://127.0.0.1:8545
// Every test is one `eth_call` with the suite's code put in place by a state override, so that nothing is sent and nothing stays.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compile } from "../compile.mjs";

const folder = join(import.meta.dirname, "..");
const groups = ["Outcomes", "Intrusions"];
const files = ["KeepwrightExecutor.sol", "test/Actors.sol", "test/Suite.sol", ...groups.map((group) => `test/${group}.sol`)];
const suite = "0x000000000000000000000000000000000000517e";
const node = process.argv[2];

async function call(code, data) {
  const override = { [suite]: { code: `0x${code}`, balance: "0x64" } };
  const request = { to: suite, data, gas: "0x1c9c380" };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_call", params: [request, "latest", override] });
  const response = await fetch(node, { method: "POST", headers: { "content-type": "application/json" }, body });
  return response.json();
}

/** The text of `require(.., text)`, or else the revert data. */
function reason(error) {
  const data = String(error.data ?? "");
  if (!data.startsWith("0x08c379a0")) return data || error.message;
  const bytes = Buffer.from(data.slice(10), "hex");
  return bytes.subarray(64, 64 + bytes.readUInt32BE(60)).toString();
}

const sources = Object.fromEntries(files.map((file) => [file, readFileSync(join(folder, file), "utf8")]));
const { contracts } = compile(sources, ["evm.deployedBytecode.object", "evm.methodIdentifiers"]);
const artifact = JSON.parse(readFileSync(join(folder, "KeepwrightExecutor.json"), "utf8"));
const tested = contracts["KeepwrightExecutor.sol"].KeepwrightExecutor.evm.deployedBytecode.object;
if (artifact.deployedBytecode !== `0x${tested}`) throw new Error("the tested code is not the committed artifact");

let passed = 0;
const failed = [];
for (const group of groups) {
  const { deployedBytecode, methodIdentifiers } = contracts[`test/${group}.sol`][group].evm;
  const run = methodIdentifiers["run(bytes4)"];
  const tests = Object.entries(methodIdentifiers).filter(([name]) => name.startsWith("test"));
  for (const [name, selector] of tests) {
    const { error } = await call(deployedBytecode.object, `0x${run}${selector.padEnd(64, "0")}`);
    if (error) failed.push(`${group}.${name}: ${reason(error)}`);
    else passed += 1;
  }
}
console.log(JSON.stringify({ passed, failed }, null, 2));
process.exitCode = failed.length === 0 && passed > 0 ? 0 : 1;
