/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * recidx - see recidx.h. Databases: "rec" path -> struct recidx_row + path;
 * "key" id, ms (big-endian) -> struct disk_key; "open" path -> path of those
 * being recorded. Opening and the mark file are in recidx_open.c.
 */
#include "storage/recidx.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "storage/recidx_int.h"
#include "storage/recpath.h"

#define KEY_WHOLE 480 /* LMDB keys hold 511 bytes */
#define KEY_CUT   440

struct disk_key {
	uint64_t offset, video_conf, audio_conf;
	uint32_t flags, pad;
};

uint64_t
recidx_fnv(uint64_t h, const void *p, size_t n)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * 0x100000001b3ull;
	return h;
}

int
recidx_code(int rc)
{
	switch (rc) {
	case MDB_SUCCESS:
		return FCS_OK;
	case MDB_NOTFOUND:
		return FCS_ENOENT;
	case MDB_MAP_FULL:
	case ENOSPC:
	case EDQUOT:
		return FCS_ENOSPC;
	case ENOMEM:
		return FCS_ENOMEM;
	case EACCES:
	case EPERM:
		return FCS_EACCES;
	default:
		return FCS_EIO;
	}
}

static MDB_val
path_key(const char *path, char out[KEY_WHOLE + 1])
{
	size_t n = strlen(path);
	MDB_val v;

	if (n > KEY_WHOLE) {
		uint64_t h = recidx_fnv(0xcbf29ce484222325ull, path, n);

		memcpy(out, path, KEY_CUT);
		n = KEY_CUT + (size_t)snprintf(out + KEY_CUT,
				  KEY_WHOLE + 1 - KEY_CUT, "#%016llx",
				  (unsigned long long)h);
	} else {
		memcpy(out, path, n);
	}
	v.mv_data = out;
	v.mv_size = n;
	return v;
}

static void
put_be(uint8_t *p, uint64_t v, int n)
{
	for (int i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

uint64_t
recidx_be(const uint8_t *p, int n)
{
	uint64_t v = 0;

	for (int i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static void
time_key(uint8_t out[12], uint64_t id, uint32_t ts_ms)
{
	put_be(out, id, 8);
	put_be(out + 8, ts_ms, 4);
}

/* --- transactions --- */

int
recidx_begin(struct recidx *ix)
{
	fcs_assert(ix->txn == NULL);
	return recidx_code(mdb_txn_begin(ix->env, NULL, 0, &ix->txn));
}

int
recidx_commit(struct recidx *ix)
{
	MDB_txn *txn = ix->txn;

	fcs_assert(txn != NULL);
	ix->txn = NULL;
	return recidx_code(mdb_txn_commit(txn));
}

void
recidx_abort(struct recidx *ix)
{
	if (ix->txn != NULL)
		mdb_txn_abort(ix->txn);
	ix->txn = NULL;
}

/* A transaction to read in: the write one in progress, or the kept one. */
static int
read_begin(struct recidx *ix, MDB_txn **out)
{
	int rc;

	if (ix->txn != NULL) {
		*out = ix->txn;
		return 0;
	}
	if (ix->read != NULL)
		rc = mdb_txn_renew(ix->read);
	else
		rc = mdb_txn_begin(ix->env, NULL, MDB_RDONLY, &ix->read);
	if (rc != 0)
		ix->read = NULL;
	*out = ix->read;
	return rc;
}

static void
read_end(struct recidx *ix, MDB_txn *txn)
{
	if (txn != ix->txn)
		mdb_txn_reset(txn);
}

/* Begin a write transaction unless one is in progress. */
static int
write_begin(struct recidx *ix, bool *own)
{
	*own = ix->txn == NULL;
	return *own ? recidx_begin(ix) : FCS_OK;
}

static int
write_end(struct recidx *ix, bool own, int rc)
{
	if (!own)
		return rc;
	if (rc == FCS_OK)
		return recidx_commit(ix);
	recidx_abort(ix);
	return rc;
}

/* --- the catalogue --- */

uint64_t
recidx_new_id(struct recidx *ix)
{
	return ++ix->next_id;
}

/* False: the row is another build's, or another path's. */
static bool
decode(const MDB_val *v, const char *path, struct recidx_rec *out)
{
	struct recidx_row d;

	if (v->mv_size < sizeof(d))
		return false;
	memcpy(&d, v->mv_data, sizeof(d));
	if (d.size != sizeof(d))
		return false;
	if (path != NULL && (v->mv_size - sizeof(d) != strlen(path) ||
				memcmp((const char *)v->mv_data + sizeof(d),
				    path, strlen(path)) != 0))
		return false;
	*out = d.rec;
	return true;
}

int
recidx_get(struct recidx *ix, const char *path, struct recidx_rec *out)
{
	char key[KEY_WHOLE + 1];
	MDB_val k = path_key(path, key);
	MDB_val v;
	MDB_txn *txn;
	int rc = read_begin(ix, &txn);

	if (rc != 0)
		return recidx_code(rc);
	rc = mdb_get(txn, ix->rec, &k, &v);
	if (rc == 0 && !decode(&v, path, out))
		rc = MDB_NOTFOUND;
	read_end(ix, txn);
	return recidx_code(rc);
}

int
recidx_put(struct recidx *ix, const char *path, const struct recidx_rec *rec)
{
	char key[KEY_WHOLE + 1];
	uint8_t row[sizeof(struct recidx_row) + RECPATH_MAX + 8];
	struct recidx_row d;
	size_t n = strlen(path);
	MDB_val k = path_key(path, key);
	MDB_val v = { .mv_data = row, .mv_size = sizeof(d) + n };
	bool own;
	int rc;

	if (v.mv_size > sizeof(row))
		return FCS_ELIMIT;
	memset(&d, 0, sizeof(d));
	d.size = sizeof(d);
	d.rec = *rec;
	memcpy(row, &d, sizeof(d));
	memcpy(row + sizeof(d), path, n + 1);
	rc = write_begin(ix, &own);
	if (rc != FCS_OK)
		return rc;
	rc = recidx_code(mdb_put(ix->txn, ix->rec, &k, &v, 0));
	if (rc == FCS_OK && (rec->state & RECIDX_OPEN) != 0) {
		v.mv_data = row + sizeof(d);
		v.mv_size = n;
		rc = recidx_code(mdb_put(ix->txn, ix->open, &k, &v, 0));
	} else if (rc == FCS_OK) {
		rc = recidx_code(mdb_del(ix->txn, ix->open, &k, NULL));
		if (rc == FCS_ENOENT)
			rc = FCS_OK;
	}
	return write_end(ix, own, rc);
}

int
recidx_del(struct recidx *ix, const char *path)
{
	char key[KEY_WHOLE + 1];
	MDB_val k = path_key(path, key);
	struct recidx_rec rec;
	bool own;
	int rc = recidx_get(ix, path, &rec);

	if (rc != FCS_OK)
		return rc == FCS_ENOENT ? FCS_OK : rc;
	rc = write_begin(ix, &own);
	if (rc != FCS_OK)
		return rc;
	rc = recidx_key_clear(ix, rec.id);
	if (rc == FCS_OK)
		rc = recidx_code(mdb_del(ix->txn, ix->rec, &k, NULL));
	if (rc == FCS_OK || rc == FCS_ENOENT)
		rc = recidx_code(mdb_del(ix->txn, ix->open, &k, NULL));
	if (rc == FCS_ENOENT)
		rc = FCS_OK;
	return write_end(ix, own, rc);
}

int
recidx_move(struct recidx *ix, const char *from, const char *to)
{
	char key[KEY_WHOLE + 1];
	MDB_val k = path_key(from, key);
	struct recidx_rec rec;
	bool own;
	int known = recidx_get(ix, from, &rec);
	int rc;

	if (known != FCS_OK && known != FCS_ENOENT)
		return known;
	rc = write_begin(ix, &own);
	if (rc != FCS_OK)
		return rc;
	rc = recidx_del(ix, to);
	if (rc == FCS_OK && known == FCS_OK)
		rc = recidx_put(ix, to, &rec);
	if (rc == FCS_OK && known == FCS_OK)
		rc = recidx_code(mdb_del(ix->txn, ix->rec, &k, NULL));
	if (rc == FCS_OK && known == FCS_OK) {
		rc = recidx_code(mdb_del(ix->txn, ix->open, &k, NULL));
		if (rc == FCS_ENOENT)
			rc = FCS_OK;
	}
	return write_end(ix, own, rc);
}

int
recidx_each(struct recidx *ix, bool open_only,
    int (*fn)(void *arg, const char *path, const struct recidx_rec *),
    void *arg)
{
	char path[RECPATH_MAX + 8];
	struct recidx_rec rec;
	MDB_cursor *c;
	MDB_txn *txn;
	MDB_val k;
	MDB_val v;
	int result = FCS_OK;
	int rc = read_begin(ix, &txn);

	if (rc == 0)
		rc = mdb_cursor_open(txn, open_only ? ix->open : ix->rec, &c);
	if (rc != 0)
		return recidx_code(rc);
	while (result == FCS_OK &&
	       (rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)) == 0) {
		size_t skip = open_only ? 0 : sizeof(struct recidx_row);

		if (v.mv_size < skip || v.mv_size - skip >= sizeof(path))
			continue;
		memcpy(path, (const char *)v.mv_data + skip, v.mv_size - skip);
		path[v.mv_size - skip] = '\0';
		if (open_only) {
			if (mdb_get(txn, ix->rec, &k, &v) != 0)
				continue;
		}
		if (decode(&v, path, &rec))
			result = fn(arg, path, &rec);
	}
	mdb_cursor_close(c);
	read_end(ix, txn);
	if (result != FCS_OK)
		return result;
	return rc == MDB_NOTFOUND ? FCS_OK : recidx_code(rc);
}

/* --- key frames --- */

int
recidx_key_put(struct recidx *ix, uint64_t id, const struct recscan_key *key)
{
	uint8_t bytes[12];
	struct disk_key d = { key->offset, key->video_conf, key->audio_conf,
		key->flags, 0 };
	MDB_val k = { .mv_data = bytes, .mv_size = sizeof(bytes) };
	MDB_val v = { .mv_data = &d, .mv_size = sizeof(d) };
	bool own;
	int rc = write_begin(ix, &own);

	if (rc != FCS_OK)
		return rc;
	time_key(bytes, id, key->ts_ms);
	/* two key frames of one time: the first one is the place to go */
	rc = mdb_put(ix->txn, ix->key, &k, &v, MDB_NOOVERWRITE);
	return write_end(
	    ix, own, rc == MDB_KEYEXIST ? FCS_OK : recidx_code(rc));
}

static bool
read_key(
    uint64_t id, const MDB_val *k, const MDB_val *v, struct recscan_key *out)
{
	struct disk_key d;

	if (k->mv_size != 12 || v->mv_size != sizeof(d) ||
	    recidx_be(k->mv_data, 8) != id)
		return false;
	memcpy(&d, v->mv_data, sizeof(d));
	out->ts_ms = (uint32_t)recidx_be((const uint8_t *)k->mv_data + 8, 4);
	out->offset = d.offset;
	out->video_conf = d.video_conf;
	out->audio_conf = d.audio_conf;
	out->flags = d.flags;
	return true;
}

int
recidx_key_find(
    struct recidx *ix, uint64_t id, uint32_t ts_ms, struct recscan_key *out)
{
	uint8_t bytes[12];
	MDB_val k = { .mv_data = bytes, .mv_size = sizeof(bytes) };
	MDB_val v;
	MDB_cursor *c;
	MDB_txn *txn;
	int rc = read_begin(ix, &txn);

	if (rc == 0)
		rc = mdb_cursor_open(txn, ix->key, &c);
	if (rc != 0)
		return recidx_code(rc);
	time_key(bytes, id, ts_ms);
	rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
	if (rc == MDB_NOTFOUND)
		rc = mdb_cursor_get(c, &k, &v, MDB_LAST);
	else if (rc == 0 && !(read_key(id, &k, &v, out) && out->ts_ms == ts_ms))
		rc = mdb_cursor_get(c, &k, &v, MDB_PREV);
	if (rc == 0 && !read_key(id, &k, &v, out))
		rc = MDB_NOTFOUND;
	mdb_cursor_close(c);
	read_end(ix, txn);
	return recidx_code(rc);
}

int
recidx_key_each(struct recidx *ix, uint64_t id,
    bool (*fn)(void *arg, const struct recscan_key *), void *arg)
{
	uint8_t bytes[12];
	struct recscan_key key;
	MDB_val k = { .mv_data = bytes, .mv_size = sizeof(bytes) };
	MDB_val v;
	MDB_cursor *c;
	MDB_txn *txn;
	int rc = read_begin(ix, &txn);

	if (rc == 0)
		rc = mdb_cursor_open(txn, ix->key, &c);
	if (rc != 0)
		return recidx_code(rc);
	time_key(bytes, id, 0);
	rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
	while (rc == 0 && read_key(id, &k, &v, &key) && fn(arg, &key))
		rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
	mdb_cursor_close(c);
	read_end(ix, txn);
	return rc == MDB_NOTFOUND ? FCS_OK : recidx_code(rc);
}

int
recidx_key_clear(struct recidx *ix, uint64_t id)
{
	uint8_t bytes[12];
	struct recscan_key key;
	MDB_val k = { .mv_data = bytes, .mv_size = sizeof(bytes) };
	MDB_val v;
	MDB_cursor *c;
	bool own;
	int rc = write_begin(ix, &own);

	if (rc != FCS_OK)
		return rc;
	rc = mdb_cursor_open(ix->txn, ix->key, &c);
	if (rc != 0)
		return write_end(ix, own, recidx_code(rc));
	time_key(bytes, id, 0);
	rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
	while (rc == 0 && read_key(id, &k, &v, &key)) {
		rc = mdb_cursor_del(c, 0);
		if (rc == 0)
			rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
	}
	if (rc == MDB_NOTFOUND)
		rc = 0;
	mdb_cursor_close(c);
	return write_end(ix, own, recidx_code(rc));
}

int
recidx_sync(struct recidx *ix)
{
	return recidx_code(mdb_env_sync(ix->env, 1));
}

void
recidx_idle(struct recidx *ix)
{
	int dead;

	if (mdb_reader_check(ix->env, &dead) == 0 && dead > 0)
		log_info("rec.index", "stale_readers=%d", dead);
}
