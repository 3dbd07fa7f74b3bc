/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cri/cri-convert.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cri/cri-text.h"
#include "runtime/image-merge.h"
#include "util/json-read.h"
#include "util/limits.h"

#define MAX_BELIEVABLE_SIZE ((uint64_t)1 << 60)

int cri_convert_version(const Runtime__V1__VersionResponse *m, char *name, size_t name_size,
			char *version, size_t version_size, struct err *e)
{
	__attribute__((cleanup(arena_done))) struct arena arena = { 0 };
	const char *runtime_name, *runtime_version;
	int r = cri_id(&arena, &m->runtime_name, "the runtime's name", &runtime_name, e);
	if (r == 0)
		r = cri_text(&arena, &m->runtime_version, "the runtime's version", &runtime_version,
			     e);
	if (r < 0)
		return r;
	(void)snprintf(name, name_size, "%s", runtime_name);
	(void)snprintf(version, version_size, "%s%s%s", runtime_name, *runtime_version ? " " : "",
		       runtime_version);
	return 0;
}

/* A list of texts; empty ones say nothing and are left out. */
static int convert_texts(struct arena *arena, const ProtobufCBinaryData *items, size_t n,
			 const char *what, const char *const **ret, size_t *ret_n, struct err *e)
{
	if (n > N_MAX_IMAGE_NAMES)
		return err_set(e, E2BIG, "%zu times %s, more than %d are not taken", n, what,
			       N_MAX_IMAGE_NAMES);
	const char **texts = arena_calloc(arena, n + 1, sizeof(*texts));
	size_t count = 0;
	for (size_t i = 0; i < n; i++) {
		int r = items[i].len ? cri_text(arena, &items[i], what, &texts[count++], e) : 0;
		if (r < 0)
			return r;
	}
	*ret = texts;
	*ret_n = count;
	return 0;
}

static int convert_image(const Runtime__V1__Image *m, struct arena *arena, struct image *ret,
			 struct err *e)
{
	int r = cri_id(arena, &m->id, "an image's ID", &ret->id, e);
	if (r < 0)
		return r;
	r = convert_texts(arena, m->repo_tags, m->n_repo_tags, "an image's tag", &ret->names,
			  &ret->n_names, e);
	if (r == 0)
		r = convert_texts(arena, m->repo_digests, m->n_repo_digests, "an image's digest",
				  &ret->digests, &ret->n_digests, e);
	if (r < 0)
		return r;
	if (m->size > MAX_BELIEVABLE_SIZE)
		return err_set(e, EBADMSG, "image %.80s has an impossible size of %llu bytes",
			       ret->id, (unsigned long long)m->size);
	ret->size_bytes = m->size;
	ret->pinned = m->pinned;
	return 0;
}

int cri_convert_image_status(const Runtime__V1__ImageStatusResponse *m, struct arena *arena,
			     struct image *ret, bool *ret_there, struct err *e)
{
	*ret_there = m->image != NULL;
	return m->image ? convert_image(m->image, arena, ret, e) : 0;
}

int cri_convert_images(const Runtime__V1__ListImagesResponse *m, struct inventory *inv,
		       struct err *e)
{
	size_t n = m->n_images;
	if (n > N_MAX_IMAGES)
		return err_set(e, E2BIG, "%zu images, more than %d are not taken", n, N_MAX_IMAGES);
	struct image *images = arena_calloc(&inv->arena, n + 1, sizeof(*images));
	for (size_t i = 0; i < n; i++) {
		int r = convert_image(m->images[i], &inv->arena, &images[i], e);
		if (r < 0)
			return r;
	}
	inv->images = images;
	inv->n_images = n;
	runtime_merge_images(inv);
	return 0;
}

static void add_reference(const char *references[CONTAINER_N_REFERENCES], const char *reference)
{
	if (!reference || *reference == '\0')
		return;
	for (size_t i = 0; i < CONTAINER_N_REFERENCES; i++) {
		if (strcmp(references[i], reference) == 0)
			return;
		if (*references[i] == '\0') {
			references[i] = reference;
			return;
		}
	}
}

void cri_add_references(struct container *c, const char *const references[CONTAINER_N_REFERENCES])
{
	for (size_t i = 0; i < CONTAINER_N_REFERENCES; i++)
		add_reference(c->references, references[i]);
}

/* The three or four ways in which a container or its status names the image, the surest first. */
static int convert_references(struct arena *arena, const ProtobufCBinaryData *image_id,
			      const ProtobufCBinaryData *image_ref,
			      const Runtime__V1__ImageSpec *spec,
			      const char *ret[CONTAINER_N_REFERENCES], struct err *e)
{
	const ProtobufCBinaryData *const fields[] = {
		image_id,
		image_ref,
		spec ? &spec->image : NULL,
		spec ? &spec->user_specified_image : NULL,
	};
	for (size_t i = 0; i < CONTAINER_N_REFERENCES; i++)
		ret[i] = "";
	for (size_t i = 0; i < ELEMENTS(fields); i++) {
		const char *text = NULL;
		int r = fields[i] ? cri_text(arena, fields[i], "a container's image", &text, e) : 0;
		if (r < 0)
			return r;
		add_reference(ret, text);
	}
	return 0;
}

static enum container_state convert_state(int32_t state)
{
	static const enum container_state states[] = { CONTAINER_CREATED, CONTAINER_RUNNING,
						       CONTAINER_EXITED };
	return state >= 0 && (size_t)state < ELEMENTS(states) ? states[state] : CONTAINER_UNKNOWN;
}

static int convert_container(const Runtime__V1__Container *m, struct arena *arena,
			     struct container *ret, struct err *e)
{
	int r = cri_id(arena, &m->id, "a container's ID", &ret->id, e);
	if (r == 0)
		r = convert_references(arena, &m->image_id, &m->image_ref, m->image,
				       ret->references, e);
	if (r < 0)
		return r;
	if (*ret->references[0] == '\0')
		return err_set(e, EBADMSG, "container %.80s names no image", ret->id);
	ret->state = convert_state(m->state);
	return 0;
}

int cri_convert_containers(const Runtime__V1__ListContainersResponse *m, struct inventory *inv,
			   struct err *e)
{
	size_t n = m->n_containers;
	if (n > N_MAX_CONTAINERS)
		return err_set(e, E2BIG, "%zu containers, more than %d are not taken", n,
			       N_MAX_CONTAINERS);
	struct container *containers = arena_calloc(&inv->arena, n + 1, sizeof(*containers));
	for (size_t i = 0; i < n; i++) {
		int r = convert_container(m->containers[i], &inv->arena, &containers[i], e);
		if (r < 0)
			return r;
	}
	inv->containers = (struct container_list){ containers, n };
	return 0;
}

int cri_convert_container_status(const Runtime__V1__ContainerStatusResponse *m, struct arena *arena,
				 struct cri_container_facts *ret, struct err *e)
{
	const Runtime__V1__ContainerStatus *status = m->status;
	if (!status)
		return err_set(e, EBADMSG, "the answer has no status");
	if (status->n_mounts > N_MAX_CONTAINER_MOUNTS)
		return err_set(e, E2BIG, "%zu mounts, more than %d are not taken", status->n_mounts,
			       N_MAX_CONTAINER_MOUNTS);
	int r = convert_references(arena, &status->image_id, &status->image_ref, status->image,
				   ret->references, e);
	if (r < 0)
		return r;
	const char **volumes = arena_calloc(arena, status->n_mounts + 1, sizeof(*volumes));
	size_t n = 0;
	for (size_t i = 0; i < status->n_mounts; i++) {
		const Runtime__V1__ImageSpec *image = status->mounts[i]->image;
		if (!image || image->image.len == 0)
			continue;
		r = cri_text(arena, &image->image, "an image volume", &volumes[n++], e);
		if (r < 0)
			return r;
	}
	ret->volume_images = volumes;
	ret->n_volume_images = n;
	return 0;
}

int cri_convert_sandboxes(const Runtime__V1__ListPodSandboxResponse *m, struct arena *arena,
			  const char *const **ret, size_t *ret_n, struct err *e)
{
	size_t n = m->n_items;
	if (n > N_MAX_CONTAINERS)
		return err_set(e, E2BIG, "%zu sandboxes, more than %d are not taken", n,
			       N_MAX_CONTAINERS);
	const char **ids = arena_calloc(arena, n + 1, sizeof(*ids));
	for (size_t i = 0; i < n; i++) {
		int r = cri_id(arena, &m->items[i]->id, "a sandbox's ID", &ids[i], e);
		if (r < 0)
			return r;
	}
	*ret = ids;
	*ret_n = n;
	return 0;
}

/* One string member of the JSON object that stands in a verbose answer under that key. */
static int convert_info(Runtime__V1__InfoEntry *const *info, size_t n_info, const char *key,
			const char *member, struct arena *arena, const char **ret, struct err *e)
{
	const ProtobufCBinaryData *text = NULL;
	for (size_t i = 0; i < n_info; i++)
		if (info[i]->key.len == strlen(key) &&
		    memcmp(info[i]->key.data, key, info[i]->key.len) == 0)
			text = &info[i]->value;
	*ret = "";
	if (!text)
		return 0;
	if (text->len > BUF_MAX_CRI_INFO)
		return err_set(e, E2BIG, "info \"%s\" has %zu bytes, more than %d are not taken",
			       key, text->len, BUF_MAX_CRI_INFO);
	cleanup_json cJSON *json = NULL;
	const char *value = NULL;
	struct err why = { 0 };
	int r = json_parse((const char *)text->data, text->len, &json, &why);
	if (r == 0)
		r = json_get_string(json, member, &value, &why);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_set(e, r == -E2BIG ? E2BIG : EBADMSG, "info \"%s\": %s", key, why.msg);
	size_t len = strlen(value);
	cleanup_free uint8_t *copy = xcalloc(len + 1, 1);
	memcpy(copy, value, len);
	return cri_text(arena, &(ProtobufCBinaryData){ len, copy }, member, ret, e);
}

int cri_convert_sandbox_image(const Runtime__V1__PodSandboxStatusResponse *m, struct arena *arena,
			      const char **ret, struct err *e)
{
	return convert_info(m->info, m->n_info, "info", "image", arena, ret, e);
}

int cri_convert_configured_sandbox_image(const Runtime__V1__StatusResponse *m, struct arena *arena,
					 const char **ret, struct err *e)
{
	return convert_info(m->info, m->n_info, "config", "sandboxImage", arena, ret, e);
}

int cri_convert_image_fs(const Runtime__V1__ImageFsInfoResponse *m, struct arena *arena,
			 struct cri_image_fs *ret, struct err *e)
{
	if (m->n_image_filesystems == 0)
		return err_set(e, EBADMSG, "the answer names no image filesystem");
	const Runtime__V1__FilesystemUsage *usage = m->image_filesystems[0];
	if (!usage->fs_id)
		return err_set(e, EBADMSG, "the image filesystem has no path");
	const char *what = "the image filesystem's path";
	int r = cri_id(arena, &usage->fs_id->mountpoint, what, &ret->path, e);
	if (r < 0)
		return r;
	if (*ret->path != '/')
		return err_set(e, EBADMSG, "%s is not absolute: %.80s", what, ret->path);
	ret->used_bytes = usage->used_bytes ? usage->used_bytes->value : 0;
	ret->used_inodes = usage->inodes_used ? usage->inodes_used->value : 0;
	return 0;
}
