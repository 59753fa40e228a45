/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Secret, and secrets of app.yaml. Values of secrets are never logged.
 */
#include <errno.h>
#include <fcntl.h>
#include <mruby.h>
#include <mruby/class.h>
#include <mruby/istruct.h>
#include <mruby/string.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rnd.h"
#include "base/str.h"
#include "script/bind.h"

#define SHA256_LEN   32
#define TOKEN_MAX    256   /* bytes */
#define SECRET_MAX   65536 /* bytes of a secret file */
#define RANDOM_STATE 16    /* bytes of a generator: four words */

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

/* Native: FCS_OK with the bytes of a secret file, without its last newline, in
 * vm->text. */
static int
read_secret(struct vm *vm, const char *path, size_t *len, struct err *why)
{
	char full[4096];
	struct stat st;
	ssize_t n = -1;
	int fd;

	free(vm->text);
	vm->text = malloc(SECRET_MAX + 1);
	if (vm->text == NULL)
		return err_set(why, FCS_ENOMEM, "out of memory");
	if (snprintf(full, sizeof(full), "%s%s%s",
		path[0] == '/' ? "" : vm->dir, path[0] == '/' ? "" : "/",
		path) >= (int)sizeof(full))
		return err_set(why, FCS_ELIMIT, "its path is too long");
	/* a pipe must not hold up the loop */
	fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return err_sys(why, errno, "its file");
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		n = read(fd, vm->text, SECRET_MAX + 1);
	close(fd);
	if (n < 0)
		return err_set(why, FCS_EIO, "its file cannot be read");
	if (n > SECRET_MAX)
		return err_set(why, FCS_ELIMIT,
		    "its file has more than %d bytes", SECRET_MAX);
	while (n > 0 && (vm->text[n - 1] == '\n' || vm->text[n - 1] == '\r'))
		n--;
	*len = (size_t)n;
	return FCS_OK;
}

/* Native: the value, borrowed; NULL = there is none, *why tells why. */
static const char *
find_secret(struct vm *vm, const char *name, size_t *len, struct err *why)
{
	const struct config_app *settings =
	    application_env(instance_app(vm->inst))->settings;
	const char *where, *value = NULL;

	where = settings == NULL ? NULL
				 : config_app_map(settings, APP_SECRETS, name);
	*len = 0;
	if (where == NULL) {
		(void)err_set(why, FCS_ENOENT, "secrets: does not name it");
		return NULL;
	}
	if (str_starts(where, "env:")) {
		value = getenv(where + 4);
		*len = value == NULL ? 0 : strlen(value);
		(void)err_set(why, FCS_ENOENT,
		    "its environment variable is not set or empty");
	} else if (!str_starts(where, "file:")) {
		(void)err_set(
		    why, FCS_EFORMAT, "it is neither file:PATH nor env:NAME");
	} else if (read_secret(vm, where + 5, len, why) == FCS_OK) {
		value = vm->text;
		(void)err_set(why, FCS_ENOENT, "its file is empty");
	}
	return *len == 0 ? NULL : value;
}

/* secret(name) => value; raises NotFound, which never shows where it is */
static mrb_value
f_secret(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	const char *name, *value;
	struct err why;
	size_t len;

	(void)self;
	mrb_get_args(mrb, "z", &name);
	err_clear(&why);
	vmguard_native_begin();
	value = find_secret(vm, name, &len, &why);
	vmguard_native_end();
	if (value == NULL)
		mrb_raisef(mrb, mrb_class_get_under(mrb, vm->fcs, "NotFound"),
		    "secret %s: %s", name, why.text);
	return mrb_str_new(mrb, value, (mrb_int)len);
}

/* stir(random): the state of a generator becomes random bytes */
static mrb_value
f_stir(mrb_state *mrb, mrb_value self)
{
	unsigned char bytes[RANDOM_STATE];
	mrb_value r;

	(void)self;
	mrb_get_args(mrb, "o", &r);
	if (!mrb_istruct_p(r) || (size_t)ISTRUCT_DATA_SIZE < sizeof(bytes))
		mrb_raise(mrb, E_TYPE_ERROR, "no generator");
	vmguard_native_begin();
	do
		rnd_bytes(bytes, sizeof(bytes));
	while (bytes[0] == 0 && bytes[RANDOM_STATE - 1] == 0); /* never all */
	vmguard_native_end();
	memcpy(mrb_istruct_ptr(r), bytes, sizeof(bytes));
	return mrb_nil_value();
}

void
bind_secret_init(struct vm *vm)
{
	BIND(vm, "hmac", f_hmac, MRB_ARGS_REQ(2));
	BIND(vm, "sha256", f_sha256, MRB_ARGS_REQ(1));
	BIND(vm, "token", f_token, MRB_ARGS_REQ(1));
	BIND(vm, "same?", f_same, MRB_ARGS_REQ(2));
	BIND(vm, "secret", f_secret, MRB_ARGS_REQ(1));
	BIND(vm, "stir", f_stir, MRB_ARGS_REQ(1));
}
