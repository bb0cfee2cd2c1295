// Fetches what the devnet is made of: each pinned npm package by `npm pack`, checked against the integrity in
// packages.json before a byte of it is used. Leaves in the cache folder:
//   devnet/bin/anvil              the node
//   devnet/artifacts/NAME.json    { abi, bytecode, linkReferences } of each contract
//   npm/solc-VERSION/soljson.js   the compilers, which solc.mjs loads
// A second run does nothing. `--packages FILE` reads another list (the tests do, to show that a wrong pin is refused).
import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { cacheRoot, compile, compilerPath } from "./solc.mjs";

const run = promisify(execFile);
const here = dirname(fileURLToPath(import.meta.url));
const devnet = join(cacheRoot(), "devnet");
const artifacts = join(devnet, "artifacts");
const stampFile = join(devnet, "stamp");
const platform = `${process.platform}-${process.arch}`;
const say = (text) => process.stdout.write(`devnet: ${text}\n`);

function listPath() {
  const at = process.argv.indexOf("--packages");
  return at < 0 ? join(here, "packages.json") : process.argv[at + 1];
}

const sha512 = (file) => `sha512-${createHash("sha512").update(readFileSync(file)).digest("base64")}`;

function stampOf(listText) {
  const hash = createHash("sha256").update(listText).update(readFileSync(fileURLToPath(import.meta.url)));
  return `${hash.digest("hex")} ${platform}\n`;
}

function writeWhole(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.part`, text);
  renameSync(`${file}.part`, file);
}

/** Packs one package into its own folder and returns the tarball, or throws where it is not what was pinned. */
async function pack(work, { package: name, integrity }) {
  const folder = mkdtempSync(join(work, "pack-"));
  const args = ["pack", "--silent", "--ignore-scripts", "--pack-destination", folder, name];
  for (let attempt = 1; ; attempt += 1) {
    try {
      await run("npm", args, { cwd: folder, timeout: 300_000 });
      break;
    } catch (error) {
      if (attempt === 3) throw new Error(`npm could not fetch ${name}: ${String(error.stderr || error.message).trim()}`);
    }
  }
  const tarball = join(folder, readdirSync(folder).find((file) => file.endsWith(".tgz")));
  const found = sha512(tarball);
  if (found !== integrity) {
    throw new Error(`${name} is not the package that was pinned (expected ${integrity}, found ${found}): nothing of it was used`);
  }
  return tarball;
}

/** Unpacks the named files (or folders) of a tarball and returns the folder that holds them. */
function unpack(tarball, paths) {
  execFileSync("tar", ["-xzf", tarball, "-C", dirname(tarball), ...paths.map((path) => `package/${path}`)]);
  return join(dirname(tarball), "package");
}

const withPrefix = (hex) => (hex.startsWith("0x") ? hex : `0x${hex}`);

function writeArtifact(name, { abi = [], bytecode, linkReferences = {} }) {
  writeWhole(join(artifacts, `${name}.json`), JSON.stringify({ abi, bytecode, linkReferences }));
}

function keepPrebuilt(tarball, paths) {
  const folder = unpack(tarball, paths);
  for (const path of paths) {
    const artifact = JSON.parse(readFileSync(join(folder, path), "utf8"));
    const bytecode = withPrefix(artifact.evm?.bytecode?.object ?? artifact.bytecode);
    writeArtifact(basename(path, ".json"), { abi: artifact.abi, bytecode, linkReferences: artifact.linkReferences });
  }
}

/** The text of `entries` and of everything that they import, by path inside the package. */
function sourcesOf(folder, entries) {
  const sources = {};
  const open = [...entries];
  while (open.length > 0) {
    const path = open.pop();
    if (sources[path]) continue;
    const content = readFileSync(join(folder, path), "utf8");
    sources[path] = { content };
    for (const [, target] of content.matchAll(/^\s*import\s[^"';]*["']([^"']+)["']/gm)) {
      open.push(target.startsWith(".") ? posix.join(posix.dirname(path), target) : target);
    }
  }
  return sources;
}

function compileSources(name, tarball, { solc, sources: entries }) {
  say(`compiling ${entries.map((path) => basename(path, ".sol")).join(", ")} of ${name} with solc ${solc}`);
  const folder = unpack(tarball, ["src"]);
  const output = compile(solc, {
    language: "Solidity",
    sources: sourcesOf(folder, entries),
    settings: {
      optimizer: { enabled: true, runs: 200 },
      outputSelection: { "*": { "*": ["abi", "evm.bytecode.object", "evm.bytecode.linkReferences"] } },
    },
  });
  const failures = (output.errors ?? []).filter((error) => error.severity === "error");
  if (failures.length > 0) throw new Error(`${name} does not compile: ${failures[0].formattedMessage}`);
  for (const path of entries) {
    const contract = basename(path, ".sol");
    const { abi, evm } = output.contracts[path][contract];
    writeArtifact(contract, { abi, bytecode: withPrefix(evm.bytecode.object), linkReferences: evm.bytecode.linkReferences });
  }
}

function keepConstant(tarball, { contract, file, name }) {
  const text = readFileSync(join(unpack(tarball, [file]), file), "utf8");
  const found = text.match(new RegExp(`\\b${name} = ['"](0x[0-9a-fA-F]+)['"]`));
  if (!found) throw new Error(`${file} has no constant ${name}`);
  writeArtifact(contract, { bytecode: found[1] });
}

function keepCompiler(tarball, version) {
  const target = compilerPath(version);
  const folder = unpack(tarball, ["soljson.js"]);
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(join(folder, "soljson.js"), target);
  // It is CommonJS, whatever a package.json above it says.
  writeFileSync(join(dirname(target), "package.json"), `{"name":"solc","version":"${version}","type":"commonjs"}\n`);
}

function keepAnvil(tarball, path) {
  const target = join(devnet, "bin", "anvil");
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(join(unpack(tarball, [path]), path), `${target}.part`);
  chmodSync(`${target}.part`, 0o755);
  renameSync(`${target}.part`, target);
}

async function packAll(work, entries) {
  const tarballs = new Map();
  const open = [...entries];
  const worker = async () => {
    for (let entry = open.shift(); entry; entry = open.shift()) {
      tarballs.set(entry.package, await pack(work, entry));
      say(`${entry.package} matches its pin`);
    }
  };
  await Promise.all([worker(), worker(), worker()]);
  return tarballs;
}

function use(entry, tarball) {
  if (entry.anvil) keepAnvil(tarball, entry.anvil);
  if (entry.prebuilt) keepPrebuilt(tarball, entry.prebuilt);
  if (entry.compile) compileSources(entry.package, tarball, entry.compile);
  if (entry.constant) keepConstant(tarball, entry.constant);
}

/** Every file that the entries leave behind. */
function outputsOf(entries) {
  const artifact = (path) => join(artifacts, `${basename(basename(path, ".json"), ".sol")}.json`);
  return entries.flatMap((entry) => [
    ...(entry.anvil ? [join(devnet, "bin", "anvil")] : []),
    ...(entry.solc ? [compilerPath(entry.solc)] : []),
    ...(entry.prebuilt ?? entry.compile?.sources ?? []).map(artifact),
    ...(entry.constant ? [artifact(entry.constant.contract)] : []),
  ]);
}

async function main() {
  const listText = readFileSync(listPath(), "utf8");
  const stamp = stampOf(listText);
  const entries = JSON.parse(listText).packages.filter((entry) => !entry.platform || entry.platform === platform);
  const isStamped = existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp;
  if (isStamped && outputsOf(entries).every((file) => existsSync(file))) {
    say("artifacts, compilers and anvil are in place");
    return;
  }
  if (!entries.some((entry) => entry.anvil) && !existsSync(join(devnet, "bin", "anvil"))) {
    throw new Error(`no anvil is pinned for ${platform}: put anvil 1.7.1 at ${join(devnet, "bin", "anvil")} and run this again`);
  }
  const work = mkdtempSync(join(tmpdir(), "keepwright-fetch-"));
  try {
    const tarballs = await packAll(work, entries);
    // Compilers first: what follows may need them.
    for (const entry of entries.filter((entry) => entry.solc)) keepCompiler(tarballs.get(entry.package), entry.solc);
    for (const entry of entries) use(entry, tarballs.get(entry.package));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  writeWhole(stampFile, stamp);
  say(`fetched into ${devnet}`);
}

main().catch((error) => {
  process.stderr.write(`devnet: ${error.message}\n`);
  process.exitCode = 1;
});
