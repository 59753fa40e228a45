/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sol - Flash's local shared object files (.sol) <-> values. Layer: codec (2),
 * pure. For importing and exporting shared objects.
 *
 * A file is: 00 BF, u32 length of the rest, "TCSO", 00 04 00 00 00 00, u16
 * name, u32 0 (AMF0) or 3 (AMF3), then slots: key, value, 00. The tables of
 * AMF3 and the references of AMF0 live through the whole file; in AMF0 the
 * object of all slots itself is reference 0.
 */
#ifndef CODEC_SOL_H
#define CODEC_SOL_H

#include "codec/value.h"

#define SOL_SIZE_MAX     (64u << 20) /* bytes of a file */
#define SOL_ELEMENTS_MAX (1u << 20)  /* values in a file */

struct sol {
	struct value_str name; /* in the arena */
	bool amf3;
	struct value *data; /* VALUE_OBJECT: the slots in file order */
};

/*
 * Read a whole file. What lies behind the length of the header is ignored
 * (files rescued from a disk end in the slack of a block). FCS_EFORMAT no .sol, or a value that is
 * none; FCS_ESHORT cut off; FCS_EDEPTH, FCS_ELIMIT, FCS_ENOMEM as amf0_read. On
 * error *out is untouched.
 */
int sol_read(struct arena *, const uint8_t *data, size_t len,
    struct sol *out) FCS_MUSTUSE;

/* Append the file. Errors of amf0_write and amf3_write; FCS_ELIMIT a name or
 * AMF0 key over 65535 bytes. On error out is cut back. */
int sol_write(struct buf *out, const struct sol *) FCS_MUSTUSE;

#endif
