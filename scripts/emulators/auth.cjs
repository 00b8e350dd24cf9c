'use strict';
// The Firebase Auth emulator of firebase-tools, started without its command line.
//
//   node auth.cjs FIREBASE_TOOLS HOST PORT DEFAULT_PROJECT
//
// Three differences from `firebase emulators:start`, all on firebase-tools 14.27.0 exactly:
// - Only the operations that this project calls are there. The emulator compiles validators for all of them
//   at its start, and the others cost three quarters of that time. Whatever is needed later is added below.
// - Those validators' schemas are taken as good: to check them, the schema of schemas is compiled anew for each,
//   which costs half of the time that is left.
// - An API key belongs to a project, as in the cloud: here the key *is* the project's id. Left alone, the
//   emulator files every call by API key under its default project, and two projects cannot share it.

const { AsyncLocalStorage } = require('node:async_hooks');
const http = require('node:http');
const path = require('node:path');

const [tools, host, port, defaultProject] = process.argv.slice(2);
const emulator = path.join(tools, 'lib', 'emulator', 'auth');
const Ajv = require(path.join(tools, '..', 'ajv')).default;
const spec = require(path.join(emulator, 'apiSpec')).default;
const { createApp } = require(path.join(emulator, 'server'));
const { AgentProjectState } = require(path.join(emulator, 'state'));

Ajv.prototype.validateSchema = () => true;

const NEEDED = new RegExp(
  [
    '/v1/accounts:(delete|lookup|sendOobCode|signInWith(CustomToken|EmailLink|Password)|signUp|update)',
    '/v1/projects/{targetProjectId}/accounts(:(batchCreate|batchGet|delete|lookup|sendOobCode|update))?',
    '/v1/token',
    '/emulator/v1/projects/{targetProjectId}/(accounts|oobCodes)',
  ]
    .map((path) => `^${path.replace(/[{}]/g, '\\$&')}$`)
    .join('|'),
);
for (const name of Object.keys(spec.paths)) {
  if (!NEEDED.test(name)) delete spec.paths[name];
}

const callersKey = new AsyncLocalStorage();

class ProjectStates extends Map {
  get(id) {
    const project = id === defaultProject ? (callersKey.getStore() ?? id) : id;
    if (!super.has(project)) super.set(project, new AgentProjectState(project));
    return super.get(project);
  }
}

createApp(defaultProject, 0, new ProjectStates()).then((app) => {
  const server = http.createServer((request, response) => {
    const key = new URL(request.url, 'http://localhost').searchParams.get('key');
    callersKey.run(key ?? undefined, () => app(request, response));
  });
  server.listen(Number(port), host);
});
