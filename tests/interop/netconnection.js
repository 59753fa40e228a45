// SPDX-License-Identifier: BSD-2-Clause
// The npm package rtmp-client, driven by lines of JSON. Each request
//   {"op": "connect", "url": ..., "args": [...]}
//   {"op": "call", "name": ..., "args": [...]}
//   {"op": "use" | "keys" | "clear", "object": name}
//   {"op": "set", "object": name, "slot": ..., "value": ...}
//   {"op": "get", "object": name, "slot": ...}
// gets one line {"value": ...} or {"error": ...}; what happens unasked is a
// line {"event": ...}.
'use strict';
const path = require('path');
const { createRequire } = require('module');
const need = createRequire(path.join(process.argv[2], 'x.js'));
const { NetConnection, SharedObject } = need('rtmp-client');

const objects = new Map();
let nc = null;

const say = (o) => process.stdout.write(JSON.stringify(o) + '\n');

function connect(r) {
	nc = new NetConnection();
	nc.onStatus = (info) => say({ event: 'status', code: info.code });
	nc.shout = async (...args) => {
		say({ event: 'shout', args });
		return 'heard ' + args[0];
	};
	nc.connect(r.url, ...(r.args || []));
	return true;
}

function use(r) {
	const so = SharedObject.get(r.object, false, nc);
	so.onStatus = (info) => say({ event: 'so status', code: info.code });
	so.onSync = (list) => say({ event: 'sync', object: r.object, list });
	objects.set(r.object, so);
	return true;
}

const ops = {
	connect,
	use,
	call: (r) => new Promise((resolve, reject) => nc.call(r.name, {
		onResult: resolve,
		onStatus: (info) => reject(new Error(info.description)),
	}, ...(r.args || []))),
	set: (r) => objects.get(r.object).setProperty(r.slot, r.value),
	get: (r) => objects.get(r.object).getProperty(r.slot),
	keys: (r) => objects.get(r.object).getPropertyNames(),
	clear: (r) => objects.get(r.object).clear(),
};

require('readline').createInterface({ input: process.stdin })
	.on('line', async (line) => {
		const r = JSON.parse(line);
		try {
			say({ value: await ops[r.op](r) });
		} catch (e) {
			say({ error: e.message || String(e) });
		}
	})
	.on('close', () => process.exit(0));
