/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The only file that sees libyaml. Events, not documents: the depth is checked
 * before the scanner's cost of nesting can add up, and anchors, which a
 * document no longer shows, are refused where they stand.
 */
#include "base/config_int.h"

#include <string.h>
#include <yaml.h>

struct builder {
	struct config_file *file;
	struct arena *arena;
	struct config_node *root;
	struct config_node *open[CONFIG_DEPTH_MAX]; /* collections not ended */
	struct config_node *last[CONFIG_DEPTH_MAX]; /* their last child */
	int depth;
	int documents;
};

static int
refuse(struct builder *b, const yaml_mark_t *m, const char *text)
{
	config_problem_add(b->file->problems, b->file, b->file->path,
	    (int)m->line + 1, (int)m->column + 1, "%s", text);
	return FCS_ECONFIG;
}

/* A parser's own complaint; reader errors know only a byte offset. */
static int
report(struct builder *b, const yaml_parser_t *p)
{
	int line = (int)p->problem_mark.line + 1;
	int col = (int)p->problem_mark.column + 1;

	if (p->error == YAML_MEMORY_ERROR)
		return FCS_ENOMEM;
	if (p->error == YAML_READER_ERROR) {
		line = 1;
		col = 1;
		for (size_t i = 0; i < p->problem_offset && i < b->file->len;
		     i++) {
			if (b->file->text[i] == '\n') {
				line++;
				col = 1;
			} else if (((unsigned char)b->file->text[i] & 0xc0) !=
				   0x80) {
				col++;
			}
		}
	}
	config_problem_add(b->file->problems, b->file, b->file->path, line, col,
	    "%s%s%s", p->problem != NULL ? p->problem : "malformed",
	    p->context != NULL ? ", " : "",
	    p->context != NULL ? p->context : "");
	return FCS_ECONFIG;
}

static int
add_node(struct builder *b, enum config_node_kind kind, const yaml_mark_t *at,
    struct config_node **out)
{
	struct config_node *n = arena_zalloc(b->arena, sizeof(*n));
	struct config_node *parent;

	if (n == NULL)
		return FCS_ENOMEM;
	n->kind = kind;
	n->line = (int)at->line + 1;
	n->col = (int)at->column + 1;
	if (b->depth == 0) {
		b->root = n;
	} else {
		parent = b->open[b->depth - 1];
		if (parent->child == NULL)
			parent->child = n;
		else
			b->last[b->depth - 1]->next = n;
		b->last[b->depth - 1] = n;
		parent->count++;
	}
	*out = n;
	return FCS_OK;
}

static int
open_node(struct builder *b, enum config_node_kind kind, const yaml_mark_t *at)
{
	struct config_node *n;
	int rc;

	if (b->depth == CONFIG_DEPTH_MAX)
		return refuse(b, at, "nested too deep");
	rc = add_node(b, kind, at, &n);
	if (rc == FCS_OK)
		b->open[b->depth++] = n;
	return rc;
}

static int
add_scalar(struct builder *b, const yaml_event_t *ev)
{
	const char *text = (const char *)ev->data.scalar.value;
	size_t len = ev->data.scalar.length;
	struct config_node *n;
	int rc;

	if (memchr(text, '\0', len) != NULL)
		return refuse(b, &ev->start_mark, "text with a NUL");
	rc = add_node(b, CONFIG_NODE_SCALAR, &ev->start_mark, &n);
	if (rc != FCS_OK)
		return rc;
	n->plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	n->text = arena_strndup(b->arena, text, len);
	return n->text != NULL ? FCS_OK : FCS_ENOMEM;
}

static int
check_properties(struct builder *b, const yaml_event_t *ev)
{
	const yaml_char_t *anchor = NULL;
	const yaml_char_t *tag = NULL;

	switch (ev->type) {
	case YAML_SCALAR_EVENT:
		anchor = ev->data.scalar.anchor;
		tag = ev->data.scalar.tag;
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = ev->data.sequence_start.anchor;
		tag = ev->data.sequence_start.tag;
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = ev->data.mapping_start.anchor;
		tag = ev->data.mapping_start.tag;
		break;
	case YAML_ALIAS_EVENT:
		return refuse(b, &ev->start_mark, "aliases are not supported");
	default:
		break;
	}
	if (anchor != NULL)
		return refuse(b, &ev->start_mark, "anchors are not supported");
	if (tag != NULL)
		return refuse(b, &ev->start_mark, "tags are not supported");
	return FCS_OK;
}

static int
take_event(struct builder *b, const yaml_event_t *ev)
{
	int rc = check_properties(b, ev);

	if (rc != FCS_OK)
		return rc;
	switch (ev->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (b->documents++ > 0)
			return refuse(b, &ev->start_mark, "a second document");
		return FCS_OK;
	case YAML_SCALAR_EVENT:
		return add_scalar(b, ev);
	case YAML_SEQUENCE_START_EVENT:
		return open_node(b, CONFIG_NODE_SEQUENCE, &ev->start_mark);
	case YAML_MAPPING_START_EVENT:
		return open_node(b, CONFIG_NODE_MAPPING, &ev->start_mark);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		b->depth--;
		return FCS_OK;
	default:
		return FCS_OK;
	}
}

int
config_yaml_parse(
    struct config_file *f, struct arena *a, struct config_node **root)
{
	struct builder b = { .file = f, .arena = a };
	yaml_parser_t parser;
	yaml_event_t ev;
	bool done = false;
	size_t bom =
	    f->len >= 3 && memcmp(f->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	int rc = FCS_OK;

	*root = NULL;
	if (!yaml_parser_initialize(&parser))
		return FCS_ENOMEM;
	yaml_parser_set_input_string(
	    &parser, (const unsigned char *)f->text + bom, f->len - bom);
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	while (!done && rc == FCS_OK) {
		if (!yaml_parser_parse(&parser, &ev)) {
			rc = report(&b, &parser);
			break;
		}
		rc = take_event(&b, &ev);
		done = ev.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&ev);
	}
	yaml_parser_delete(&parser);
	if (rc == FCS_OK)
		*root = b.root;
	return rc;
}
