package main

import (
	"strings"

	"github.com/spf13/cobra"
)

const rootHelp = `certuse finds out which mTLS certificates of Cloudflare accounts are used, by
what, and until when.

Each certificate is in use, unused, or unknown. It is in use when any source
names it: the associations that the API reports, hostnames of zones, Workers,
Pages projects, Hyperdrive configurations, Gateway, device posture rules. It is
unused when every source that applies answered in full and none names it.
Everything else is unknown, which never means unused.

"upload", "wait" and "delete" are for the rotation of a certificate. Only what
is unused is deleted.

Try it without an account:

  certuse audit --demo`

const listHelp = `List the certificates of accounts: name, id, type, CA or leaf, expiry, and the
days that are left.

With --expires-within it lists those that expire within the duration, that have
expired, or whose expiry the API does not say, and exits with 5 if there is one.`

const usageHelp = `List everything that uses certificates: one row for each use, by source.

CERT is a certificate id, or ACCOUNT/ID when it belongs to another account:
"certuse list -o id" prints the ids. It is never a name. An id that is given
twice is looked up once. A CA is looked up in all zones. --demo takes no CERT:
"certuse usage --demo" shows all certificates of the demo.`

const auditHelp = `Find out which certificates are used, by what, and until when: one row for each.

Without CERT and --from it is about all certificates of the accounts. CERT is an
id, or ACCOUNT/ID. --from reads them from a file or standard input: one a line,
or what certuse printed as JSON, JSON Lines or CSV with its header. The whole
file is checked before anything is sent, and an id that is given twice is looked
up once. An empty list is an error, not a success.

In a list, blank lines are skipped, and so is everything after a '#'. Lines end
with LF or CRLF: any other character that some program takes for the end of a
line, such as a CR alone, is an error, in a comment too.

--sources narrows the evidence; an unused certificate is then unused according
to those sources, and the others are named as left out. Permissions that the
token lacks are listed on standard error. A token that sees no zone at all
leaves CA certificates unknown, unless --no-zones says that there is none.

The vendor's quota is kept: after --rate-limit requests in five minutes the rest
waits. Progress goes to standard error. Ctrl-C prints what is known and exits
with 3.

With -o jsonl, --output-file has each answer as soon as it comes, also when the
command is killed. The same command with --resume goes on from there:

  certuse audit -o jsonl --output-file audit.jsonl --resume

It keeps the answers in the file, drops a last line that is torn, and asks about
certificates that are missing, unknown, there twice, or uploaded since. The
summary says how old the kept answers are. A file about other accounts,
certificates or sources is refused.

With --require-unused kept answers may be one hour old, or --max-age: older ones
are asked for again, and the command exits with 3 if one has become older at the
end. Without --require-unused any age will do, unless --max-age is given.`

const uploadHelp = `Upload a certificate to an account and print it as stored.

The files are checked before anything is sent: certificates in PEM, each issued
by the next, valid now, with a CA first if and only if --ca is given; a private
key that belongs to the first. The key is read from a file or from standard
input. It is never an argument, and in no message and no log.

A certificate that the account already has is not stored again: it is printed as
it is. When the outcome is unknown, after Ctrl-C too, the command exits with 3:
run it again, and it prints the certificate, uploaded or found.

The token needs "SSL and Certificates Write" of the account.`

const waitHelp = `Wait until nothing uses certificates, and print what still does.

All sources are asked again and again, at growing distances and within the
quota, until the certificates are unused or --timeout is over. Standard error
says what uses each, whenever that changes. The vendor can take minutes to say
that the last user is gone.

The command exits with 4 when one is in use at the end, and with 3 when the
usage of one is unknown. It waits no longer for a certificate whose usage cannot
become known, because the token lacks a permission.`

const deleteHelp = `Delete certificates that nothing uses.

Without --yes nothing is deleted: the plan says which certificates would go,
which stay, and why. With --yes each certificate is deleted only if the evidence
of all sources, gathered right before, says that nothing uses it, and if it is
not managed by the vendor. It is called deleted when the API says that it is
gone. Standard error says what became of each; --output-file keeps the record,
with -o jsonl also when the command is killed.

--unused means all certificates of the account that are unused. With --yes it
needs --max, and if more than that are unused none is deleted.

When the API limits the rate, the command waits and calls again. Ctrl-C and
--timeout end it between two certificates: what was not deleted by then is kept.
When the outcome of a deletion is unknown, run the command again.

The plan needs the permissions to read all sources, --yes also "SSL and
Certificates Write" of the account.`

// helpTopics are commands that only carry help, shown by "certuse help TOPIC".
func helpTopics() []*cobra.Command {
	return []*cobra.Command{
		{Use: "exit-codes", Short: "What the exit codes mean", Long: exitCodesHelp},
		{Use: "formats", Short: "What the output formats contain", Long: formatsHelp},
		{Use: "environment", Short: "Which environment variables are read, and the file of profiles", Long: environmentHelp},
	}
}

// checkTopic refuses arguments to a help topic. Cobra passes over them: it checks
// those of commands that run, and a topic that ran would be listed as a command.
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

// newHelpCommand is cobra's, except that a topic that does not exist is an error.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND or TOPIC]",
		Short: "Print help about a command or topic",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) (names []cobra.Completion, _ cobra.ShellCompDirective) {
			if len(args) == 0 {
				for _, each := range cmd.Root().Commands() {
					if each.Hidden {
						continue
					}
					names = append(names, cobra.CompletionWithDesc(each.Name(), each.Short))
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			topic, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				about := strings.Join(args, " ")
				return usagef("there is no help about %q%s: run 'certuse help' for the list", about, didYouMean(about, commandNames(cmd.Root())))
			}
			return topic.Help()
		},
	}
}

const exitCodesHelp = `The first that applies:

1  something is wrong, and standard error says what, such as a refused deletion;
   list: the certificates of an account could not be read; also instead of 0
   when standard error cannot be written
2  wrong usage: the command line, the environment, the list of ids, or the files
   of an upload; nothing was sent
4  --require-unused or wait, and something is in use; delete, and a certificate
   that was named is in use or managed by the vendor; except after Ctrl-C
3  some usage is unknown, not all certificates were read (list: only because of
   Ctrl-C or --timeout), kept answers are older than --max-age, or the outcome
   of an upload or of a deletion is unknown, also after Ctrl-C and --timeout
5  --expires-within, and a certificate expires within it, has expired, or has an
   expiry that is unknown
0  everything was answered; with --require-unused and wait: all certificates are
   unused; delete: all that were named are deleted, or would be

They are about all certificates that --type, --ca, --leaf and --expires-within
select; --usage only selects what is printed. Where the API does not say what a
filter is about, the certificate stays.

Besides: 141, silently, when the reader of standard output goes away, as "head"
does (on Windows that is a failed write as any other: 1); and death by the
signal at another Ctrl-C, once half a second has passed since the first.

Standard output that is closed gives 1, and nothing is sent. /dev/null that was
opened for reading and writing, as by Python's subprocess.DEVNULL, looks the
same: open it for writing only, as a shell does.

A command that ends with 0 has not said that a certificate is unused: "certuse
usage … && delete" would delete what is in use. Use "certuse delete", or:

  certuse audit --require-unused CERT && delete CERT`

const environmentHelp = `CLOUDFLARE_API_TOKEN   API token; comes before the pair below
CLOUDFLARE_EMAIL       email address, together with
CLOUDFLARE_API_KEY     the global API key
CLOUDFLARE_ACCOUNT_ID  the account, unless --account or --profile is given
CLOUDFLARE_BASE_URL    another address of the API: https, or http on loopback
XDG_CONFIG_HOME, HOME  where the file of the profiles is (Windows: AppData)
HTTPS_PROXY, NO_PROXY  a proxy, as usual
SSL_CERT_FILE          certificates of the authorities to trust (SSL_CERT_DIR: a
                       directory of them), on Unix
NO_COLOR               set and not empty: no colours
TERM                   "dumb": no colours, no progress bar
COLUMNS                the width of tables where there is no terminal

Libraries read TZ (times of --debug), LC_ALL, LC_CTYPE, LANG and
RUNEWIDTH_EASTASIAN (the progress bar), CERTUSE_ACTIVE_HELP and
CERTUSE_COMPLETION_DESCRIPTIONS (completion; also with COBRA for CERTUSE),
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
accounts of both. With --profile, the credentials are in the variables that it
names, CLOUDFLARE_ACCOUNT_ID is not read, --account selects some accounts, and
--sources replaces the sources of the profiles. Each set of credentials has a
--rate-limit of its own: lower it if several tokens belong to one user.`

var formatsHelp = `table       for people; not for scripts, it may change
wide        a table with all columns
json        one object: "certificates", an array of the objects below, and
            "summary"
jsonl       one object a line, as each answer comes, also to --output-file; with
            --sort, at the end
csv         one row for each certificate (usage: for each use); the first line
            names the columns. An apostrophe goes before = + - or @ wherever a
            spreadsheet could begin a cell with it, whichever separator it uses;
            for exact text use json
id          one id a line, or ACCOUNT/ID for several accounts: for pipes; of
            delete only those that are deleted or planned
prometheus  the text format for a textfile collector, with --output-file

All formats but jsonl have one order, the same in every run. --sort action is
the default: ` + sortHelp + `.

Columns (--columns) of table, wide and csv:

` + "  " + wrap(strings.Join(knownColumns(), ", "), "  ") + `

A table fits its terminal. Columns are shortened first, with "…" where text is
missing: name, used_by, then ids to their first characters. What does not fit is
dropped in this order (of usage: usage, expires_on, source, used_by at the end);
name stays:

` + "  " + wrap(strings.Join(dropOrder, ", "), "  ") + `

In a pipe a table is as wide as its text, or as COLUMNS says.

Fields of JSON are added in later versions, never renamed or removed. Times are
RFC 3339 in UTC with whole seconds. Each certificate has:

  account_id, certificate_id, name, type, ca, issuer, serial_number,
  signature_algorithm, uploaded_on, expires_on, certificates (PEM), malformed
              as the API gives them; malformed: what was not readable
  usage       "in_use", "unused" or "unknown"; of list always "unknown"
  uses        array of {"source", "name", "status"}
  sources     array of {"source", "state", "scope", "missing_permission",
              "error"}; state is complete, failed, left_out or not_applicable
  started_at, gathered_at
              when the first request was made, and the last source had answered
  state       of delete: "planned", "deleted", "kept" or "unknown"; besides:
              reason, deleted_at, ray_id, already_gone (by another request)

The summary: total, in_use, unused, unknown, sources, left_out (by --sources),
missing_permissions, expiring (--expires-within), duplicates (ids given again),
incomplete (not all certificates were read), interrupted; of delete: planned,
deleted, kept, outcome_unknown.

Metrics, with the prefix ` + metricPrefix + `: certificate_info,
certificate_not_after_timestamp_seconds, certificate_usage (one series for each
usage), source_up, last_success_timestamp_seconds.`
