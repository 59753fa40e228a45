/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Secret, and secrets of app.yaml. Values of secrets are never logged.
 */
#include <errno.h>
#include <fcntl.h>
#include <mruby.h>
#include <mruby/string.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rnd.h"
#include "base/str.h"
#include "script/bind.h"

#define SHA256_LEN 32
#define TOKEN_MAX  256   /* bytes */
#define SECRET_MAX 65536 /* bytes of a secret file */

static mrb_value
f_hmac(mrb_state *mrb, mrb_value self)
{
	const char *key, *data;
	mrb_int key_len, len;
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	char text[2 * SHA256_LEN + 1];
	bool ok;

	(void)self;
	mrb_get_args(mrb, "ss", &key, &key_len, &data, &len);
	vmguard_native_begin();
	ok = HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)data,
		 (size_t)len, md, &n) != NULL &&
	     n == SHA256_LEN;
	if (ok)
		str_hex(md, SHA256_LEN, text);
	vmguard_native_end();
	if (!ok)
		mrb_raise(mrb, E_RUNTIME_ERROR, "HMAC failed");
	return mrb_str_new(mrb, text, 2 * SHA256_LEN);
}

static mrb_value
f_sha256(mrb_state *mrb, mrb_value self)
{
	const char *data;
	mrb_int len;
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	char text[2 * SHA256_LEN + 1];
	bool ok;

	(void)self;
	mrb_get_args(mrb, "s", &data, &len);
	vmguard_native_begin();
	ok = EVP_Digest(data, (size_t)len, md, &n, EVP_sha256(), NULL) == 1 &&
	     n == SHA256_LEN;
	if (ok)
		str_hex(md, SHA256_LEN, text);
	vmguard_native_end();
	if (!ok)
		mrb_raise(mrb, E_RUNTIME_ERROR, "SHA-256 failed");
	return mrb_str_new(mrb, text, 2 * SHA256_LEN);
}

static mrb_value
f_token(mrb_state *mrb, mrb_value self)
{
	unsigned char bytes[TOKEN_MAX];
	char text[2 * TOKEN_MAX + 1];
	mrb_int n;

	(void)self;
	mrb_get_args(mrb, "i", &n);
	if (n < 1 || n > TOKEN_MAX)
		mrb_raise(mrb, E_ARGUMENT_ERROR, "1 to 256 bytes");
	vmguard_native_begin();
	rnd_bytes(bytes, (size_t)n);
	str_hex(bytes, (size_t)n, text);
	vmguard_native_end();
	return mrb_str_new(mrb, text, 2 * n);
}

static mrb_value
f_same(mrb_state *mrb, mrb_value self)
{
	const char *a, *b;
	mrb_int a_len, b_len;

	(void)self;
	mrb_get_args(mrb, "ss", &a, &a_len, &b, &b_len);
	if (a_len == 0 || a_len != b_len)
		return mrb_false_value();
	return mrb_bool_value(CRYPTO_memcmp(a, b, (size_t)a_len) == 0);
}

/* Native: the text of a secret file without its last newline, in vm->text. */
static bool
read_secret(struct vm *vm, const char *path)
{
	char full[4096];
	ssize_t n = -1;
	int fd;

	free(vm->text);
	vm->text = malloc(SECRET_MAX + 1);
	if (vm->text == NULL)
		return false;
	if (path[0] == '/')
		snprintf(full, sizeof(full), "%s", path);
	else
		snprintf(full, sizeof(full), "%s/%s", vm->dir, path);
	fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, vm->text, SECRET_MAX);
		close(fd);
	}
	if (n < 0)
		return false;
	while (n > 0 && (vm->text[n - 1] == '\n' || vm->text[n - 1] == '\r'))
		n--;
	vm->text[n] = '\0';
	return true;
}

/* Native: the value, borrowed; NULL = there is none. */
static const char *
find_secret(struct vm *vm, const char *name)
{
	const struct config_app *settings =
	    application_env(instance_app(vm->inst))->settings;
	const char *where;

	if (settings == NULL)
		return NULL;
	where = config_app_map(settings, APP_SECRETS, name);
	if (where == NULL)
		return NULL;
	if (str_starts(where, "env:"))
		return getenv(where + 4);
	if (str_starts(where, "file:") && read_secret(vm, where + 5))
		return vm->text;
	return NULL;
}

static mrb_value
f_secret(mrb_state *mrb, mrb_value self)
{
	const char *name, *value;

	(void)self;
	mrb_get_args(mrb, "z", &name);
	vmguard_native_begin();
	value = find_secret(vm_of(mrb), name);
	vmguard_native_end();
	return value == NULL || value[0] == '\0' ? mrb_nil_value()
						 : mrb_str_new_cstr(mrb, value);
}

void
bind_secret_init(struct vm *vm)
{
	BIND(vm, "hmac", f_hmac, MRB_ARGS_REQ(2));
	BIND(vm, "sha256", f_sha256, MRB_ARGS_REQ(1));
	BIND(vm, "token", f_token, MRB_ARGS_REQ(1));
	BIND(vm, "same?", f_same, MRB_ARGS_REQ(2));
	BIND(vm, "secret", f_secret, MRB_ARGS_REQ(1));
}
