// SPDX-License-Identifier: BSD-2-Clause
// The npm codecs behind one interface. A request is a line of JSON:
//   {"op": "encode", "codec": "amf-codec" | "amfjs", "amf": 0 | 3, "value": V}
//   {"op": "decode", ...,                      "hex": "..."}
// and its answer a line {"hex": ...}, {"value": V} or {"error": text}.
// V is JSON with {"$date": ISO}, {"$bytes": base64}, {"$type": name, ...},
// {"$number": "NaN"} and {"$undefined": true}.
'use strict';
const path = require('path');
const { createRequire } = require('module');
const { PassThrough } = require('stream');
const need = createRequire(path.join(process.argv[2], 'x.js'));
const codec = need('amf-codec');
const amfjs = need('amfjs');

function fromModel(v, codecName) {
	if (v === null || typeof v !== 'object')
		return v;
	if (Array.isArray(v))
		return v.map((x) => fromModel(x, codecName));
	if ('$date' in v)
		return new Date(v.$date);
	if ('$bytes' in v)
		return Buffer.from(v.$bytes, 'base64');
	if ('$number' in v)
		return Number(v.$number);
	if ('$undefined' in v)
		return undefined;
	const out = codecName === 'amfjs' && '$type' in v ?
	    new amfjs.Serializable(v.$type) : {};
	for (const k of Object.keys(v))
		if (k !== '$type')
			out[k] = fromModel(v[k], codecName);
	return out;
}

function toModel(v) {
	if (v === undefined)
		return null;
	if (typeof v === 'number' && !Number.isFinite(v))
		return { $number: String(v) };
	if (v === null || typeof v !== 'object')
		return v;
	if (v instanceof Date)
		return { $date: v.toISOString() };
	if (Buffer.isBuffer(v))
		return { $bytes: v.toString('base64') };
	if (Array.isArray(v) && Object.keys(v).every((k) => /^\d+$/.test(k)))
		return Array.from(v, toModel);
	const out = {};
	if (v.__class)
		out.$type = v.__class;
	for (const k of Object.keys(v))
		if (!k.startsWith('__'))
			out[k] = toModel(v[k]);
	return out;
}

function encode(r) {
	const value = fromModel(r.value, r.codec);
	if (r.codec === 'amf-codec')
		return codec.toAMF(value);
	const s = new PassThrough({ highWaterMark: 1 << 26 });
	new amfjs.AMFEncoder(s).writeObject(value, r.amf ? amfjs.AMF3 : amfjs.AMF0);
	return s.read() || Buffer.alloc(0);
}

function decode(r) {
	const data = Buffer.from(r.hex, 'hex');
	if (r.codec === 'amf-codec')
		return codec.fromAMF(data);
	const s = new PassThrough({ highWaterMark: 1 << 26 });
	s.write(data);
	return new amfjs.AMFDecoder(s).decode(r.amf ? amfjs.AMF3 : amfjs.AMF0);
}

function answer(line) {
	const r = JSON.parse(line);
	try {
		return r.op === 'encode' ? { hex: encode(r).toString('hex') } :
		    { value: toModel(decode(r)) };
	} catch (e) {
		return { error: String(e) };
	}
}

require('readline').createInterface({ input: process.stdin })
	.on('line', (line) => process.stdout.write(
		JSON.stringify(answer(line)) + '\n'));
