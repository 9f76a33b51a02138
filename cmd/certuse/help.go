package main

import (
	"strings"

	"github.com/spf13/cobra"
)

const rootHelp = `certuse finds out which mTLS certificates of Cloudflare accounts are used, by
what, and when they expire.

Each certificate is in use, unused, or unknown. It is in use when any source
names it: the associations that the API reports, hostnames of zones, Workers,
Pages projects, Hyperdrive configurations, Gateway, device posture rules. It is
unused when every source that applies was read in full and none names it.
Everything else is unknown, which never means unused.

"upload", "wait" and "delete" rotate a certificate. Only unused certificates are
deleted.

Try it without an account:

  certuse audit --demo`

const listHelp = `List the certificates of accounts: name, id, type, CA or leaf, expiry, and the
days that are left.

With --expires-within it lists those that expire within the duration, that have
expired, or whose expiry the API does not say, and exits with 5 if there is one.`

const usageHelp = `List everything that uses certificates: one row for each use, by source, and one
row for a certificate without a known use.

CERT is a certificate id, or ACCOUNT/ID when it belongs to another account:
"certuse list -o id" prints the ids. It is never a name. An id that is given
twice is looked up once. A CA is looked up in all zones. --demo takes no CERT:
"certuse usage --demo" shows all certificates of the demo.`

const auditHelp = `Find out which certificates are used, by what, and when they expire: one row for
each certificate.

Without CERT and --from it reads all certificates of the accounts. CERT is an id
or ACCOUNT/ID. --from reads certificates from a file or standard input: one a
line, or what certuse printed as JSON, JSON Lines or CSV with its header. The
whole file is checked before anything is sent, and an id that is given twice is
looked up once. An empty list is an error, not a success.

In a list, blank lines are skipped, and so is everything after a '#'. Lines end
with LF or CRLF: any other character that a program may take for the end of a
line, such as a CR alone, is an error, in a comment too.

--sources narrows the evidence: "unused" then means unused according to those
sources, and the summary names the other sources as left out. Permissions that
the token lacks are listed on standard error. Zones that the token does not see
are not read: the summary says in how many zones unused CA certificates were
looked up. Without any visible zone, a CA without a known use is unknown, unless
--no-zones says that the account has no zones.

After --rate-limit requests in five minutes, further requests wait. Progress
goes to standard error. Ctrl-C prints what is known and exits with 3; listed
certificates that were not looked up are unknown.

With -o jsonl, each result is written to --output-file at once, and stays when
the command is killed. The same command with --resume continues:

  certuse audit -o jsonl --output-file audit.jsonl --resume

It keeps the results in the file, drops an incomplete last line, and looks up
the certificates that are missing, unknown, listed twice, or uploaded since.
With --all-uses it also looks up certificates whose hostnames were read only in
part. Without --no-zones it also looks up certificates whose result relies on
that flag. The summary says how old the kept results are. A file about other
accounts, certificates or sources is refused; so is, on Unix, a file that
another process is writing.

With --require-unused, kept results may be at most one hour old; --max-age sets
another limit. Older ones are looked up again, and the command exits with 3 if a
kept result exceeds the limit at the end. Without --require-unused any age is
accepted, unless --max-age is given.`

const uploadHelp = `Upload a certificate to an account and print it as stored.

The files are checked before anything is sent. --cert needs certificates in PEM,
valid now, each issued by the next; the first is a CA if and only if --ca is
given. --key needs the private key of the first. The key is read from a file or
from standard input, never from an argument, and appears in no message or log.

A certificate that the account already has is printed and not stored again, nor
is its key. When the outcome is unknown, also after Ctrl-C, the command exits
with 3. Run it again: it prints the certificate, uploaded or found.

The token needs "SSL and Certificates Write" of the account.`

const waitHelp = `Wait until nothing uses certificates, and print what still does.

All sources are read again, at growing intervals and within the quota, until the
certificates are unused or --timeout is over. Each change of their uses is
printed to standard error. The vendor can take minutes to report that the last
user is gone. The waits for all certificates begin at the same time, also for
several accounts.

The command exits with 4 when a certificate is in use at the end, and with 3
when its usage is unknown. If the token lacks a permission, the wait ends as
soon as no use is known, because the usage cannot become known.`

const deleteHelp = `Delete certificates that nothing uses.

Without --yes nothing is deleted: the plan lists which certificates would be
deleted, which would be kept, and why. With --yes a certificate is deleted only
if evidence from all sources, gathered immediately before, shows no use, and if
it is not managed by the vendor. It is reported as deleted when the API confirms
the deletion. The outcome of each certificate that the command tried to delete
is printed to standard error at once. With --quiet, it is printed only if the
certificate was or may have been deleted, and the record cannot be written. If
standard error cannot be written, no further deletion begins, except with
-o jsonl. --output-file keeps the record. With -o jsonl, the record of each
outcome is kept also when the command is killed, but not that of the deletion
under way, which the message of the first Ctrl-C names. A file that is not empty
is refused: it may be the record of earlier deletions.

--unused selects all unused certificates of the account. With --yes it needs
--max, and deletes nothing if more than that are unused.

Before the first deletion of --unused --yes, the command prints about how many
requests follow. After the first of several named certificates, it prints how
many requests that one took. If --rate-limit makes requests wait, the command
also prints the least time for all certificates.

When the API limits the rate, the command waits and calls again. After Ctrl-C or
--timeout no deletion begins, and the rest is kept. A deletion under way is
finished: after its request, the command checks for at most two minutes whether
the certificate is gone. A delay of the first check by the rate limit, up to
five minutes, is added.

When the outcome of a deletion is unknown, run the command again, with another
--output-file. "not found" then means that the certificate was deleted.

The plan needs the permissions to read all sources, --yes also "SSL and
Certificates Write" of the account.`

// helpTopics returns commands that only carry help, shown by "certuse help TOPIC".
func helpTopics() []*cobra.Command {
	return []*cobra.Command{
		{Use: "exit-codes", Short: "What the exit codes mean", Long: exitCodesHelp},
		{Use: "formats", Short: "What the output formats contain", Long: formatsHelp},
		{Use: "environment", Short: "Which environment variables are read, and the file of profiles", Long: environmentHelp},
	}
}

// checkTopic refuses arguments to a help topic. Cobra checks the arguments of
// runnable commands only, and would list a runnable topic as a command.
func checkTopic(root *cobra.Command, args []string) (*cobra.Command, error) {
	cmd, rest, err := root.Find(args)
	if err != nil || !cmd.IsAdditionalHelpTopicCommand() {
		return cmd, err
	}
	cmd.InitDefaultHelpFlag()
	cmd.InitDefaultVersionFlag()
	if err := cmd.ParseFlags(rest); err != nil {
		return cmd, flagError(cmd, err)
	}
	return cmd, cobra.NoArgs(cmd, cmd.Flags().Args())
}

// newHelpCommand replaces cobra's, for which an unknown topic is no error.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND or TOPIC]",
		Short: "Print help about a command or topic",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) (names []cobra.Completion, _ cobra.ShellCompDirective) {
			if len(args) == 0 {
				for _, sub := range cmd.Root().Commands() {
					if !sub.Hidden {
						names = append(names, cobra.CompletionWithDesc(sub.Name(), sub.Short))
					}
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			topic, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				about := strings.Join(args, " ")
				return usagef("there is no help about %q%s: run 'certuse help' for the list", withoutCredential(about), didYouMean(about, commandNames(cmd.Root())))
			}
			return topic.Help()
		},
	}
}

const exitCodesHelp = `The first code that applies:

1  a failure that standard error states, such as a deletion that the API refuses
   although the certificate is unused; list: the certificates of an account
   could not be read; also instead of 0 when standard error cannot be written
2  wrong usage: the command line, the environment, the list of ids, or the files
   of an upload; nothing was sent
4  --require-unused or wait: a certificate is in use; delete: a certificate that
   was named, or that --unused had selected, is in use or managed by the vendor;
   not after Ctrl-C, nor after the --timeout of audit or delete
3  the usage of a certificate is unknown, or the account does not have it; not
   all certificates were read (list: only because of Ctrl-C or --timeout);
   --require-unused: kept results are older than --max-age, or no certificate
   was looked up; the outcome of an upload or of a deletion is unknown, also
   after Ctrl-C and --timeout; wait was ended by Ctrl-C
5  --expires-within: a certificate expires within that time, has expired, or has
   an unknown expiry
0  everything was read; --require-unused: all certificates are unused according
   to the sources that --sources or the profile names (default: all sources);
   wait: all are unused; delete: all that were named are deleted, or would be

The codes cover all certificates that --type, --ca, --leaf and --expires-within
select; --usage only selects what is printed. If the API does not report the
type, the kind or the expiry, the filter for it selects the certificate.

141 (on Windows: 1) without a message: the reader of standard output has closed
it, as "head" does. 141 also replaces 0 when the reader of standard error has
closed it. A second Ctrl-C kills the command, from half a second after the
first.

When standard output is closed at the start, the command exits with 1 and sends
nothing. /dev/null opened for reading and writing, as by Python's
subprocess.DEVNULL, looks closed: open it for writing only, as a shell does.

Exit code 0 alone does not mean unused: "certuse usage … && delete" would delete
a certificate that is in use. Use "certuse delete", or:

  certuse audit --require-unused CERT && delete CERT`

const environmentHelp = `CLOUDFLARE_API_TOKEN   API token; comes before the pair below
CLOUDFLARE_EMAIL       email address, together with
CLOUDFLARE_API_KEY     the global API key
CLOUDFLARE_ACCOUNT_ID  the account, unless --account or --profile is given
CLOUDFLARE_BASE_URL    another address of the API, with the path /client/v4:
                       https, or http on loopback
XDG_CONFIG_HOME, HOME  where the file of the profiles is (Windows: AppData)
HTTPS_PROXY, NO_PROXY  a proxy, as usual
SSL_CERT_FILE          certificates of the authorities to trust (SSL_CERT_DIR: a
                       directory of them), on Unix
NO_COLOR               set and not empty: no colours
TERM                   "dumb": no colours, no progress bar
COLUMNS                the width of tables where there is no terminal

Libraries read TZ (times of --debug), LC_ALL, LC_CTYPE, LANG and
RUNEWIDTH_EASTASIAN (the progress bar), CERTUSE_ACTIVE_HELP and
CERTUSE_COMPLETION_DESCRIPTIONS (completion; also with the prefix COBRA_),
BASH_COMP_DEBUG_FILE, GODEBUG and other variables of the Go runtime.

All commands but upload and "delete --yes" only read: a token for them needs no
more than Read of Account: SSL and Certificates, Workers Scripts, Pages,
Hyperdrive and Zero Trust, and of Zone: Zone and SSL and Certificates. Upload
needs "Account: SSL and Certificates Write"; "delete --yes" needs both.

Credentials are taken from the environment only: an argument would be visible to
every process of the machine. A value with quotation marks or blanks around it
is refused before anything is sent.

Profiles are for several tokens. They are in certuse/config.yaml of the user's
directory for configuration ($XDG_CONFIG_HOME, ~/.config, on macOS ~/Library/
Application Support, on Windows %AppData%):

  profiles:
    production:
      accounts: [023e105f4ecef8ad9ca31a8372d0c353]
      api_token_env: PRODUCTION_TOKEN     # the name of a variable
    legacy:
      accounts: [7c1d4b0e9a3f4e6d8b2a5c90e1f7d346]
      sources: [associations, hostnames]  # of usage and audit; default: all
      email_env: LEGACY_EMAIL
      api_key_env: LEGACY_KEY

"certuse audit --profile production --profile legacy" makes one report of the
accounts of both. With --profile, the credentials are in the variables that the
profile names, CLOUDFLARE_ACCOUNT_ID is not read, --account selects some
accounts, and --sources replaces the sources of the profiles. Each set of
credentials has a --rate-limit of its own: lower it if several tokens belong to
one user.`

var formatsHelp = `table       for people; not for scripts, it may change
wide        a table with more columns
json        one object: "certificates", an array of the objects below, and
            "summary"
jsonl       one object a line, as each result arrives, also to --output-file;
            with --sort, at the end
csv         one row for each certificate (usage: for each use, or one if there
            is none); the first line names the columns. An apostrophe is put
            before each = + - or @ that could be the first character of a cell,
            for any separator that a spreadsheet uses (not in days_left, which
            is a number); for exact text use json
id          one id a line, or ACCOUNT/ID for several accounts: for pipes; delete
            prints only those that are deleted or planned. Other commands also
            print certificates that the vendor manages: --type custom omits them
prometheus  the text format for a textfile collector, with --output-file

All formats but jsonl have one order, the same in every run. --sort action is
the default: ` + sortHelp + `.

To find out what has changed between two audits, leave out the columns that
differ in every run. --all-uses is needed for the hostnames of CA certificates:

  certuse audit --all-uses --sort name -o csv \
    --columns name,certificate_id,usage,used_by,expires_on

The same for records in jsonl, with jq:

  jq -c '[.certificate_id, .usage, .uses, .expires_on]' audit.jsonl | sort

Columns (--columns) of table, wide and csv:

` + "  " + wrap(strings.Join(knownColumns(), ", ")) + `

A table fits its terminal. Columns are shortened first, with "…" where text is
missing, in these steps: status and the columns that wide adds; names to 40
characters, and uses and reasons to 28; ids to their first characters; names to
18; uses and reasons to 12; names to 12. What does not fit is dropped in this
order ("certuse usage" drops usage, expires_on, source and used_by last); name
stays:

` + "  " + wrap(strings.Join(dropOrder, ", ")) + `

In a pipe a table is as wide as COLUMNS, else as its text (in the demo: 80).

Fields of JSON are added in later versions, never renamed or removed. Times are
RFC 3339 in UTC with whole seconds. Each certificate has:

  account_id, certificate_id, name, type, ca, issuer, serial_number,
  signature_algorithm, uploaded_on, expires_on, certificates (PEM), malformed
              as the API returned them; malformed: members that were unreadable
  usage       "in_use", "unused" or "unknown"; of list always "unknown"
  uses        array of {"source", "name", "status"}
  sources     array of {"source", "state", "scope", "missing_permission",
              "error"}; state is complete, failed, not_applicable, or left_out:
              not read, or not in full, because of --sources, of the profile, or
              of a known use
  started_at, gathered_at
              when the first request was sent, and when the last source was read
  state       of delete: "planned", "deleted", "kept", "not_found" (in the
              account) or "unknown"; besides: reason, deleted_at, ray_id,
              already_gone (by another request)

The summary: total, in_use, unused, unknown, sources, left_out (sources not
read for at least one account, because of --sources or its profile),
missing_permissions, expiring (--expires-within), duplicates (ids given again),
incomplete (not all certificates were read), interrupted; of delete: planned,
deleted, kept, not_found, outcome_unknown.

Metrics, with the prefix ` + metricPrefix + `: certificate_info,
certificate_not_after_timestamp_seconds, certificate_usage (one series for each
usage), source_up, last_success_timestamp_seconds (not of upload).`
