/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/livecache.h"

#include "codec/amf0.h"
#include "tests/lib/unit.h"

static char seen[512]; /* replayed: "d@0 c@0 k@40 ..." */

static void
note(void *arg, struct packet *p)
{
	char kind = 'i', one[32];

	(void)arg;
	if (p->type == MESSAGE_DATA)
		kind = 'd';
	else if ((p->flags & AVTAG_CONFIG) != 0)
		kind = 'c';
	else if (p->type == MESSAGE_AUDIO)
		kind = 'a';
	else if ((p->flags & AVTAG_KEY) != 0)
		kind = 'k';
	snprintf(one, sizeof(one), "%s%c@%u", seen[0] != '\0' ? " " : "", kind,
	    p->ts_ms);
	strncat(seen, one, sizeof(seen) - strlen(seen) - 1);
}

static const char *
replay(struct livecache *lc, uint32_t now_ms)
{
	seen[0] = '\0';
	livecache_replay(lc, now_ms, note, NULL);
	return seen;
}

static void
media(struct livecache *lc, uint8_t type, uint32_t ts_ms, const char *hex)
{
	size_t len;
	uint8_t *bytes = unit_hex(hex, &len);
	struct packet *p = packet_new(type, ts_ms, bytes, len);

	livecache_media(lc, p);
	packet_unref(p);
	free(bytes);
}

#define CONFIG(lc)    media(lc, MESSAGE_VIDEO, 0, "17 00 00 00 00 01")
#define KEY(lc, ts)   media(lc, MESSAGE_VIDEO, ts, "17 01 00 00 00 65")
#define INTER(lc, ts) media(lc, MESSAGE_VIDEO, ts, "27 01 00 00 00 41")
#define AUDIO(lc, ts) media(lc, MESSAGE_AUDIO, ts, "af 01 21")
#define ASC(lc)       media(lc, MESSAGE_AUDIO, 0, "af 00 12 10")

static int
data_message(struct livecache *lc, uint8_t type, const char *first,
    const char *second, struct packet **out)
{
	struct buf b;
	int rc;

	buf_init(&b, 0);
	if (type == MESSAGE_DATA_AMF3)
		buf_u8(&b, 0);
	amf0_put_string(&b, first, strlen(first));
	if (second != NULL)
		amf0_put_string(&b, second, strlen(second));
	amf0_put_number(&b, 7);
	rc = livecache_data(lc, type, 0, buf_data(&b), buf_len(&b), out);
	buf_fini(&b);
	return rc;
}

static struct livecache
fresh(void)
{
	struct limits lim;
	struct livecache lc;

	limits_init(&lim);
	livecache_init(&lc, &lim);
	return lc;
}

UNIT(a_newcomer_gets_data_headers_and_the_group_in_order)
{
	struct livecache lc = fresh();
	struct packet *p = NULL;

	ck_assert_int_eq(
	    data_message(&lc, MESSAGE_DATA, "@setDataFrame", "onMetaData", &p),
	    FCS_OK);
	packet_unref(p);
	CONFIG(&lc);
	ASC(&lc);
	KEY(&lc, 1000);
	AUDIO(&lc, 1010);
	INTER(&lc, 1040);
	KEY(&lc, 2000);
	AUDIO(&lc, 2010);
	ck_assert_str_eq(
	    replay(&lc, 2010), "d@2000 c@2000 c@2000 k@2000 a@2010");
	livecache_fini(&lc);
}

UNIT(newcomers_of_one_group_share_the_moved_headers)
{
	struct livecache lc = fresh();
	struct packet *moved;

	CONFIG(&lc);
	KEY(&lc, 2000);
	replay(&lc, 0);
	moved = lc.video_config;
	replay(&lc, 0);
	ck_assert_ptr_eq(lc.video_config, moved);
	livecache_fini(&lc);
}

UNIT(a_new_configuration_voids_the_group)
{
	struct livecache lc = fresh();

	CONFIG(&lc);
	KEY(&lc, 10);
	CONFIG(&lc);
	INTER(&lc, 50);
	ck_assert_str_eq(replay(&lc, 60), "c@60");
	livecache_fini(&lc);
}

UNIT(the_group_is_bounded_at_its_limit)
{
	struct livecache lc = fresh();

	lc.gop_max = 3;
	KEY(&lc, 1);
	INTER(&lc, 2);
	INTER(&lc, 3);
	ck_assert_str_eq(replay(&lc, 9), "k@1 i@2 i@3");
	INTER(&lc, 4);
	ck_assert_str_eq(replay(&lc, 9), "");
	INTER(&lc, 5);
	ck_assert_str_eq(replay(&lc, 9), "");
	KEY(&lc, 6);
	ck_assert_str_eq(replay(&lc, 9), "k@6");
	livecache_fini(&lc);
}

UNIT(set_data_frame_is_stripped_and_kept_clear_forgets)
{
	struct livecache lc = fresh();
	struct packet *p = NULL;
	size_t len;
	uint8_t *want = unit_hex("02 00 0a 6f6e4d65746144617461"
				 "00 401c000000000000",
	    &len);

	ck_assert_int_eq(
	    data_message(&lc, MESSAGE_DATA, "@setDataFrame", "onMetaData", &p),
	    FCS_OK);
	ck_assert_uint_eq(p->payload->len, len);
	ck_assert_mem_eq(p->payload->data, want, len);
	ck_assert_ptr_eq(livecache_find(&lc, "onMetaData"), p->payload);
	packet_unref(p);
	ck_assert_int_eq(data_message(&lc, MESSAGE_DATA, "@clearDataFrame",
			     "onMetaData", &p),
	    FCS_OK);
	ck_assert_ptr_null(p);
	ck_assert_ptr_null(livecache_find(&lc, "onMetaData"));
	free(want);
	livecache_fini(&lc);
}

UNIT(bare_metadata_is_kept_other_messages_only_pass)
{
	struct livecache lc = fresh();
	struct packet *p = NULL;

	ck_assert_int_eq(
	    data_message(&lc, MESSAGE_DATA, "onMetaData", NULL, &p), FCS_OK);
	packet_unref(p);
	ck_assert_int_eq(
	    data_message(&lc, MESSAGE_DATA, "onCuePoint", "x", &p), FCS_OK);
	packet_unref(p);
	ck_assert_str_eq(replay(&lc, 5), "d@5");
	livecache_fini(&lc);
}

UNIT(amf3_data_becomes_amf0_for_everybody)
{
	struct livecache lc = fresh();
	struct packet *p = NULL;

	ck_assert_int_eq(
	    data_message(&lc, MESSAGE_DATA_AMF3, "say", "x", &p), FCS_OK);
	ck_assert_int_eq(p->type, MESSAGE_DATA);
	ck_assert_int_eq(p->payload->data[0], 0x02);
	packet_unref(p);
	livecache_fini(&lc);
}

UNIT(malformed_data_is_refused_and_changes_nothing)
{
	struct livecache lc = fresh();
	struct packet *p = NULL;
	static const uint8_t bad[] = { 0x02, 0x00, 0x0d, '@' };

	ck_assert_int_ne(
	    livecache_data(&lc, MESSAGE_DATA, 0, bad, sizeof(bad), &p), FCS_OK);
	ck_assert_ptr_null(p);
	ck_assert_uint_eq(lc.frame_count, 0);
	livecache_fini(&lc);
}

UNIT(the_end_of_the_publisher_clears_everything)
{
	struct livecache lc = fresh();

	CONFIG(&lc);
	ASC(&lc);
	KEY(&lc, 1);
	livecache_clear(&lc);
	ck_assert_str_eq(replay(&lc, 1), "");
	livecache_fini(&lc);
}

UNIT_MAIN
