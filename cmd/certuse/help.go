package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

const rootHelp = `certuse tells which mTLS certificates of a Cloudflare account are in use.

Each certificate gets one of three answers: in use, unused, or unknown. Unknown
means that no answer came that can be relied on: the call failed, it was not
made, or its answer was truncated with nothing delivered. It never means unused.

Try it without an account:

  certuse list --demo
  certuse audit --demo`

const listHelp = `List what uses each certificate: one row for each association.

CERT is a certificate id, or ACCOUNT/ID when it belongs to another account. The
answers come in the order of the arguments; an id that is given twice is asked
about once. Where the rate limit holds requests back it waits, as audit does.`

const auditHelp = `Ask about many certificates and count which are in use: one row for each.

Certificates are arguments, or lines of a file or of standard input (--from):
ID, or ACCOUNT/ID. Blank lines are skipped, and so is everything after a '#'.
Lines end with LF or CRLF: any other character that some program takes for the
end of a line, such as a CR alone, is an error, in a comment too.
The whole list is checked before anything is sent, and an id that is given twice
is asked about once. An empty list is an error, not a success.

The vendor's quota is kept: after --rate-limit requests in five minutes the rest
waits. Progress goes to standard error. Ctrl-C prints what is known and exits
with 3.`

// helpTopics are commands that only carry help, shown by "certuse help TOPIC".
func helpTopics() []*cobra.Command {
	return []*cobra.Command{
		{Use: "exit-codes", Short: "What the exit codes mean", Long: exitCodesHelp},
		{Use: "formats", Short: "What the output formats contain", Long: formatsHelp},
		{Use: "environment", Short: "Which environment variables are read", Long: environmentHelp},
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
				return usagef("there is no help about %q: run 'certuse help' for the list", strings.Join(args, " "))
			}
			return topic.Help()
		},
	}
}

const exitCodesHelp = `0  every certificate was answered (in use or unused); with --require-unused: all
   of them are unused
1  something is wrong, and standard error says what; also instead of 0 when
   standard error cannot be written
2  wrong usage: the command line, the environment or the list of ids; nothing
   was sent
3  some answer is unknown
   (failed, not asked, or truncated with nothing delivered), also after Ctrl-C
4  --require-unused, and something is in use; also when other answers are
   unknown, except after Ctrl-C

Besides: 141, silently, when the reader of standard output goes away, as "head"
does (on Windows that is a failed write as any other: 1); and death by the
signal at another Ctrl-C, once half a second has passed since the first.

Standard output that is closed gives 1, and nothing is sent. /dev/null that was
opened for reading and writing, as by Python's subprocess.DEVNULL, looks the
same: open it for writing only, as a shell does.

A command that ends with 0 has not said that a certificate is unused: "certuse
list … && delete" would delete what is in use. Use --require-unused for that:

  certuse audit --require-unused CERT && delete CERT`

const environmentHelp = `CLOUDFLARE_API_TOKEN   API token; comes before the pair below
CLOUDFLARE_EMAIL       email address, together with
CLOUDFLARE_API_KEY     the global API key
CLOUDFLARE_ACCOUNT_ID  account of ids that name none, unless --account is given
CLOUDFLARE_BASE_URL    another address of the API: https, or http on loopback
HTTPS_PROXY, NO_PROXY  a proxy, as usual
NO_COLOR               set and not empty: no colours
TMPDIR                 where lists of more than about 60,000 ids are kept

Credentials are taken from the environment only: an argument would be visible to
every process of the machine.`

var formatsHelp = `table  for people; not for scripts, it may change. list prints one row for each
       association, audit one for each certificate: first the unused, then those
       in use, then the unknown, each sorted by account and id; last, one row
       that counts those that were not asked. It comes at the end: for a very
       long list take another format.
json   one object: "certificates", an array of the objects below, and "summary".
jsonl  one object a line, as each answer comes. No summary.
csv    one row for each association, as each answer comes; a certificate without
       one has a row with service and status empty. The first line names the
       columns. Text of the service that starts with = + - or @, in full width
       or after blanks too, gets an apostrophe in front, so that no spreadsheet
       takes it for a formula, and characters that cannot be printed are
       escaped: for exact text use json.

list prints certificates in the order of the arguments; audit, except in its
table, as answers come.
Fields are added in later versions, never renamed or removed. Each certificate:

  account_id      string
  certificate_id  string
  usage           "in_use", "unused" or "unknown"
  checked_at      when the answer was received, RFC 3339 in UTC, or null
  truncated       true: more associations exist than were delivered
  associations    array of {"service", "status"}, as the service spells them
  reason          why it is unknown, else null: {"code", "message",
                  "http_status" (0: no answer), "retry_after_seconds"}
  notices         array of {"code", "message"}: what the service said besides
  ray_id          the service's id of the request, for its support

Codes of reasons:

` + reasonCodes() + `

The summary: total, in_use, unused, unknown, unknown_reasons (code: count),
truncated, duplicates (ids given again), interrupted.`

// reasonCodes lists all codes, a few to a line.
func reasonCodes() string {
	var lines []string
	for some := range slices.Chunk(reasons, 4) {
		var codes []string
		for _, each := range some {
			codes = append(codes, each.code)
		}
		lines = append(lines, "  "+strings.Join(codes, ", "))
	}
	return strings.Join(lines, ",\n")
}
