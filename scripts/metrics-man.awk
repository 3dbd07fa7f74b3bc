# SPDX-License-Identifier: Apache-2.0
#
# Makes disk-pressure-agent-metrics(7) of docs/metrics.md, so that there is one text of them:
#
#	awk -v date='November 22, 2026' -f metrics-man.awk docs/metrics.md
#
# Understands what that file is written in: headings, paragraphs, lists, tables, `code` and fenced code. Anything else
# is an error that names the line.

function fail(why)
{
	printf "%s:%d: %s\n", FILENAME, FNR, why | "cat >&2"
	failed = 1
	exit 1
}

# Text for roff: backslashes, `code` in bold, and no line that looks like a request.
function inline(text,    out, at)
{
	gsub(/\\/, "\\e", text)
	while ((at = index(text, "`")) > 0) {
		out = out substr(text, 1, at - 1)
		text = substr(text, at + 1)
		at = index(text, "`")
		if (at == 0)
			fail("a ` without its second")
		out = out "\\fB" substr(text, 1, at - 1) "\\fR"
		text = substr(text, at + 1)
	}
	return out text
}

# Each on a line of its own, as roff wants them.
function sentences(text,    out)
{
	while (match(text, /[.] [A-Z\\]/)) {
		out = out substr(text, 1, RSTART) "\n"
		text = substr(text, RSTART + 2)
	}
	return out text
}

function say(text)
{
	text = inline(text)
	print (text ~ /^[.']/ ? "\\&" : "") sentences(text)
}

# Ends whatever list or paragraph is open.
function close_block()
{
	if (block == "list" || block == "table")
		print ".El"
	if (block == "code")
		fail("a heading or table within ```")
	block = ""
}

# Words of a macro line, where a quote or a macro's name would mean something.
function words(text)
{
	gsub(/"/, "", text)
	return "\"" inline(text) "\""
}

function trim(text)
{
	gsub(/^ +| +$/, "", text)
	return text
}

function row(line,    cell, n, what)
{
	n = split(line, cell, "|")
	if (n != 6)
		fail("a row of other than four columns")
	if (trim(cell[2]) == "Name" || cell[2] ~ /^-+$/)
		return
	what = trim(cell[3])
	if (trim(cell[4]) != "")
		what = what " by " trim(cell[4])
	gsub(/`/, "", cell[2])
	print ".It Ic " trim(cell[2]) " Pq " words(what)
	say(trim(cell[5]))
}

function open_block(kind, line)
{
	if (block == kind)
		return
	close_block()
	block = kind
	if (line != "")
		print line
}

BEGIN {
	if (date == "") {
		print "the date is missing: -v date=..." | "cat >&2"
		failed = 1
		exit 1
	}
	print ".\\\" SPDX-License-Identifier: Apache-2.0"
	print ".\\\" Made of docs/metrics.md by scripts/metrics-man.awk."
	print ".Dd " date
	print ".Dt DISK-PRESSURE-AGENT-METRICS 7"
	print ".Os"
	print ".Sh NAME"
	print ".Nm disk-pressure-agent-metrics"
	print ".Nd what disk-pressure-agent tells Prometheus"
	print ".Sh DESCRIPTION"
}

/^```/ {
	if (block == "code") {
		print ".Ed"
		block = ""
	} else {
		close_block()
		print ".Bd -literal -offset indent"
		block = "code"
	}
	next
}
block == "code" {
	gsub(/\\/, "\\e")
	print (/^[.']/ ? "\\&" : "") $0
	next
}
/^<!--.*-->$/ { next }
/^# / {
	if (titles++)
		fail("a second title")
	next
}
/^## / {
	close_block()
	print ".Sh " words(toupper(substr($0, 4)))
	begun = 1
	next
}
/^### / {
	close_block()
	print ".Ss " words(substr($0, 5))
	begun = 1
	next
}
/^\|/ {
	open_block("table", ".Bl -tag -width Ds")
	row($0)
	begun = 0
	next
}
/^[*-] / {
	open_block("list", ".Bl -bullet")
	print ".It"
	say(substr($0, 3))
	begun = 0
	next
}
/^  +[^ ]/ && block == "list" {
	say(trim($0))
	next
}
/^(    |>|[0-9]+\. |!\[|#|\t)/ {
	fail("not understood: " $0)
}
/^$/ {
	if (block == "list" || block == "table")
		close_block()
	block = ""
	next
}
{
	if (block != "text") {
		close_block()
		# A paragraph right behind a heading has its distance already.
		if (paragraphs++ && !begun)
			print ".Pp"
		block = "text"
	}
	begun = 0
	say($0)
}

END {
	if (failed)
		exit 1
	if (block == "code")
		fail("``` is not closed")
	close_block()
	print ".Sh SEE ALSO"
	print ".Xr disk-pressure-agent.conf 5 ,"
	print ".Xr disk-pressure-agent 8"
}
