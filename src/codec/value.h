/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * value - one ActionScript value, the union of what AMF0 and AMF3 can say.
 *
 * Layer: codec (2). Owner: the arena it was built in; a tree is never freed
 * piecewise and never outlives its arena. Values that must live longer are
 * stored as bytes (value_pack) and read again.
 * Thread: any, one at a time per arena.
 * Trees may share nodes and may contain cycles (AMF references): whoever
 * walks one carries a depth limit (VALUE_DEPTH_MAX) and either a table of the
 * nodes seen or a limit on visits: 32 levels of [x, x] are 2^32 paths.
 * Strings are bytes with a length; they are UTF-8 as received, unchecked, and
 * may hold NUL.
 */
#ifndef CODEC_VALUE_H
#define CODEC_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#define VALUE_DEPTH_MAX    32    /* nesting, wire-protocol 10 */
#define VALUE_ELEMENTS_MAX 65536 /* values in one message */
/* Bytes one value may become when written: references make the written form
 * of a small message huge. */
#define VALUE_TEXT_MAX (16u << 20)

enum value_type {
	VALUE_UNDEFINED,
	VALUE_NULL,
	VALUE_BOOL,
	VALUE_NUMBER,  /* IEEE double: AMF0 number, AMF3 double */
	VALUE_INTEGER, /* AMF3 integer, -2^28 .. 2^28-1 */
	VALUE_STRING,
	VALUE_OBJECT, /* anonymous or typed (class_name.len > 0) */
	VALUE_ECMA,   /* AMF0 ECMA array; AMF3 array with names */
	VALUE_ARRAY,  /* strict / dense array */
	VALUE_DATE,   /* number = ms since 1970 UTC */
	VALUE_XMLDOC, /* AMF0 XML document, AMF3 XMLDocument (legacy) */
	VALUE_XML,    /* AMF3 XML (E4X) */
	VALUE_BYTES,  /* AMF3 ByteArray */
	VALUE_VECTOR_INT,
	VALUE_VECTOR_UINT,
	VALUE_VECTOR_DOUBLE,
	VALUE_VECTOR_OBJECT,
	VALUE_DICTIONARY, /* AMF3: items are key, value, key, value ... */
	VALUE_UNSUPPORTED /* AMF0 0x0D */
};

struct value_str {
	const char *ptr; /* not terminated */
	uint32_t len;
};

struct value_prop {
	struct value_str key;
	struct value *val;
};

/* Fields not named for a type are zero. */
struct value {
	enum value_type type;
	bool boolean; /* BOOL; VECTOR_*: fixed; DICTIONARY: weak keys; ECMA:
		       * number holds the length the sender gave it */
	bool amf3;    /* came from (or wants) AMF3: see value_pack */
	bool
	    externalizable; /* OBJECT: ArrayCollection, ObjectProxy; items[0] */
	bool dynamic;       /* OBJECT from AMF3: trait was dynamic */
	double number;      /* NUMBER, INTEGER, DATE; ECMA: see boolean */
	struct value_str str;        /* STRING, XML*, BYTES */
	struct value_str class_name; /* OBJECT; VECTOR_OBJECT: type name */
	struct value_prop *props;    /* OBJECT, ECMA: in wire order */
	uint32_t prop_count, prop_cap;
	struct value **items; /* ARRAY, ECMA (dense part), VECTOR_*, DICT. */
	uint32_t item_count, item_cap;
	uint32_t sealed_count; /* OBJECT from AMF3: first props are sealed */
	int16_t zone; /* DATE: AMF0 time zone as received, kept, not used */
};

/* Constructors: all return NULL when the arena is out of memory; strings are
 * copied into the arena. */
struct value *value_new(struct arena *, enum value_type);
struct value *value_bool(struct arena *, bool);
struct value *value_number(struct arena *, double);
struct value *value_string(struct arena *, const char *text);
struct value *value_string_len(struct arena *, const char *, size_t);
/* Append; FCS_ENOMEM when the arena is full. val may be NULL: ENOMEM (so that
 * a failed constructor may be passed straight in). */
int value_set(struct arena *, struct value *obj, const char *key,
    struct value *val) FCS_MUSTUSE;
int value_set_len(struct arena *, struct value *obj, const char *key,
    size_t key_len, struct value *val) FCS_MUSTUSE;
int value_push(
    struct arena *, struct value *array, struct value *val) FCS_MUSTUSE;

/* First property of that name of an OBJECT or ECMA value, else NULL. obj may
 * be NULL or of any type. */
const struct value *value_get(const struct value *obj, const char *key);
/* Convenience readers: the default when v is NULL or of another type.
 * value_as_number reads NUMBER, INTEGER and BOOL. value_as_str returns a
 * pointer to a NUL-terminated copy is NOT made: use .str; value_str_eq
 * compares. */
double value_as_number(const struct value *v, double dflt);
bool value_as_bool(const struct value *v, bool dflt);
bool value_str_eq(struct value_str, const char *text);
bool value_is_complex(const struct value *v); /* takes a reference slot */

/* Deep equality, types included; the amf3 mark is not compared. False when
 * deeper than VALUE_DEPTH_MAX (cycles) or after some million visits. */
bool value_equal(const struct value *a, const struct value *b);

/*
 * The canonical stored form of one value: AMF0, with 0x11 + AMF3 for what
 * came from AMF3. value_pack appends it to out; value_unpack reads exactly
 * one value that fills data[0..len). Errors as amf0_read / amf0_write.
 */
int value_pack(struct buf *out, const struct value *v) FCS_MUSTUSE;
int value_unpack(struct arena *, const uint8_t *data, size_t len,
    struct value **out) FCS_MUSTUSE;

/* JSON text of a value for fcsctl and logs: undefined -> null, dates ->
 * {"$date": ISO}, bytes -> {"$bytes": base64}, typed -> {"$type": ...}, NaN ->
 * {"$number":"NaN"}, cycles -> {"$ref": depth}. Text that is not UTF-8 has its
 * bad bytes replaced by U+FFFD. Containers after VALUE_ELEMENTS_MAX visits
 * become {"$cut":true}. FCS_ENOMEM; FCS_ELIMIT over VALUE_TEXT_MAX bytes. */
int value_json(struct buf *out, const struct value *v) FCS_MUSTUSE;

#endif
