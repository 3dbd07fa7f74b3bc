/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Included in front of every file by the compiler's command line. Names that lose data, guess, keep
 * hidden state or run a shell stop the build; the name of the undeclared identifier in the error
 * says what to use instead. The headers that declare them come first: these are macros, and a
 * declaration that came later would be rewritten as well.
 */

#include <alloca.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

/* No bounds, or bounds that pad and forget the NUL. */
#undef strcpy
#define strcpy(...) banned_strcpy_use_buf_or_snprintf
#undef stpcpy
#define stpcpy(...) banned_stpcpy_use_buf_or_snprintf
#undef strcat
#define strcat(...) banned_strcat_use_buf_or_snprintf
#undef strncpy
#define strncpy(...) banned_strncpy_use_buf_or_snprintf
#undef strncat
#define strncat(...) banned_strncat_use_buf_or_snprintf
#undef sprintf
#define sprintf(...) banned_sprintf_use_buf_or_snprintf
#undef vsprintf
#define vsprintf(...) banned_vsprintf_use_buf_or_vsnprintf
#undef gets
#define gets(...) banned_gets_use_getline
#undef alloca
#define alloca(...) banned_alloca_use_xcalloc

/* Accept "", " 5", "0x10" and "nan", and report overflow where nobody looks. */
#undef atoi
#define atoi(...) banned_atoi_use_parse_i64
#undef atol
#define atol(...) banned_atol_use_parse_i64
#undef atoll
#define atoll(...) banned_atoll_use_parse_i64
#undef atof
#define atof(...) banned_atof_use_parse_i64
#undef strtol
#define strtol(...) banned_strtol_use_parse_i64
#undef strtoul
#define strtoul(...) banned_strtoul_use_parse_i64
#undef strtoll
#define strtoll(...) banned_strtoll_use_parse_i64
#undef strtoull
#define strtoull(...) banned_strtoull_use_parse_i64
#undef strtod
#define strtod(...) banned_strtod_use_parse_i64

/* One hidden buffer for the whole process, which has several threads. */
#undef strtok
#define strtok(...) banned_strtok_use_strsep_or_strcspn
#undef gmtime
#define gmtime(...) banned_gmtime_use_gmtime_r
#undef localtime
#define localtime(...) banned_localtime_use_gmtime_r
#undef ctime
#define ctime(...) banned_ctime_use_human_wall
#undef asctime
#define asctime(...) banned_asctime_use_human_wall

/* A file that someone else can put there first; a shell. */
#undef mktemp
#define mktemp(...) banned_mktemp_use_mkstemp
#undef tmpnam
#define tmpnam(...) banned_tmpnam_use_mkstemp
#undef system
#define system(...) banned_system_runs_a_shell
#undef popen
#define popen(...) banned_popen_runs_a_shell
