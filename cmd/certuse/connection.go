package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/certuse/cloudflare-mtls/api"
)

// connection selects the API and the credentials.
type connection struct {
	accounts  []string
	profiles  []string
	demo      bool
	quiet     bool
	debug     bool
	rateLimit int
}

// service is the API in use, real or fake.
type service struct {
	accounts []string          // accounts to read, unless certificates are named
	profiles map[string]access // by account; nil without --profile
	common   access            // without --profile: for every account
	close    func()
}

// access is the client for an account, and the sources to read.
type access struct {
	client  *api.Client
	sources []api.Source // none means all
}

func (s *service) access(account string) (access, error) {
	if s.profiles == nil {
		return s.common, nil
	}
	a, ok := s.profiles[account]
	if !ok {
		return a, usagef("account %s is in no profile that is given with --profile", account)
	}
	return a, nil
}

func (c *connection) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVar(&c.accounts, "account", nil, "account `ID`, also several (default: of --profile, or $CLOUDFLARE_ACCOUNT_ID)")
	flags.StringSliceVar(&c.profiles, "profile", nil, "use the accounts and credentials of this profile, also several `NAME`s; see 'certuse help environment'")
	flags.BoolVar(&c.demo, "demo", false, "use a fake service inside this program: no account, no network")
	flags.BoolVarP(&c.quiet, "quiet", "q", false, "print nothing but errors to standard error")
	flags.BoolVar(&c.debug, "debug", false, "print each request to standard error: status, waits, Ray ID; never a credential")
	flags.IntVar(&c.rateLimit, "rate-limit", defaultRateLimit, "at most this many `REQUESTS` in five minutes; 0: no limit")
	cmd.MarkFlagsMutuallyExclusive("quiet", "debug")
	complete(cmd, "profile", profileNames)
}

// check refuses invalid accounts, and accounts or profiles with --demo. It removes
// repeated accounts.
func (c *connection) check() error {
	var distinct []string
	for _, account := range c.accounts {
		if err := checkAccount("--account", account); err != nil {
			return err
		}
		if !slices.Contains(distinct, account) {
			distinct = append(distinct, account)
		}
	}
	c.accounts = distinct
	if c.demo && len(c.accounts)+len(c.profiles) > 0 {
		return usagef("--demo brings its own account and certificates: leave yours out")
	}
	return nil
}

// connect creates the clients, from the environment or for the fake service.
func (c *connection) connect(sys system) (*service, error) {
	opts := []api.Option{
		api.WithUserAgent(userAgent()),
		api.WithRateLimit(c.rateLimit, rateLimitWindow),
	}
	if c.debug {
		opts = append(opts, api.WithLogger(slog.New(slog.NewTextHandler(sys.stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))))
	}
	if c.demo {
		return startDemo(sys, c.quiet, opts)
	}
	base := sys.getenv("CLOUDFLARE_BASE_URL")
	if err := checkValue("CLOUDFLARE_BASE_URL", base); err != nil {
		return nil, err
	} else if base != "" {
		opts = append(opts, api.WithBaseURL(base))
	}
	if len(c.profiles) > 0 {
		return c.connectProfiles(sys, opts)
	}
	client, err := standardVariables.connect(sys.getenv, opts)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	accounts := c.accounts
	if account := sys.getenv("CLOUDFLARE_ACCOUNT_ID"); len(accounts) == 0 && account != "" {
		if err := checkAccount("CLOUDFLARE_ACCOUNT_ID", account); err != nil {
			return nil, err
		}
		accounts = []string{account}
	}
	return &service{common: access{client: client}, accounts: accounts, close: client.CloseIdleConnections}, nil
}

// checkAccount refuses an invalid account id. The error names the origin of the id.
func checkAccount(origin, account string) error {
	if account == "" {
		return usagef("%s is empty", origin)
	}
	if err := checkValue(origin, account); err != nil {
		return err
	}
	if err := checkRef(api.CertificateRef{AccountID: account, ID: "x"}); err != nil {
		return usagef("%s: %w", origin, err)
	}
	return nil
}

// variables are the names, or the values, of environment variables with credentials: a
// token, or an email address and a key. A name may be empty.
type variables struct{ token, email, key string }

var standardVariables = variables{"CLOUDFLARE_API_TOKEN", "CLOUDFLARE_EMAIL", "CLOUDFLARE_API_KEY"}

func (v variables) values(getenv func(string) string) variables {
	return variables{getenv(v.token), getenv(v.email), getenv(v.key)}
}

// connect creates a client with the credentials in the variables. It refuses values
// with accidental quotation marks or white space, and a token after "Bearer".
func (v variables) connect(getenv func(string) string, opts []api.Option) (*api.Client, error) {
	values := v.values(getenv)
	var creds api.Credentials
	var problem error
	switch {
	case values.token != "":
		creds = api.APIToken(values.token)
		problem = checkValue(v.token, values.token)
		if strings.HasPrefix(strings.ToLower(values.token), "bearer ") {
			problem = errors.Join(problem, fmt.Errorf("%s begins with %q: set it to the token alone", v.token, "Bearer"))
		}
	case values.email != "" && values.key != "":
		creds = api.APIKey(values.email, values.key)
		problem = errors.Join(checkValue(v.email, values.email), checkValue(v.key, values.key))
	case values.email != "":
		problem = fmt.Errorf("no credentials: %s is set but %s is not", v.email, v.key)
	case values.key != "":
		problem = fmt.Errorf("no credentials: %s is set but %s is not", v.key, v.email)
	case v == standardVariables:
		problem = fmt.Errorf("no credentials: set %s, or %s together with %s; or try --demo", v.token, v.email, v.key)
	default:
		problem = fmt.Errorf("no credentials: set %s", cmp.Or(v.token, v.email+" and "+v.key))
	}
	if problem != nil {
		return nil, problem
	}
	client, err := api.New(creds, opts...)
	if err != nil {
		return nil, errors.New(strings.NewReplacer("API token has", v.token+" has", "API key has", v.key+" has", "email has", v.email+" has").Replace(inCLITerms(err)))
	}
	return client, nil
}

// credential matches text with the length and the characters of a token or key. It also
// matches PEM, even if its first line is missing or its line ends are escaped.
var credential = regexp.MustCompile(`(?s)` + pemBegin + `.*|[0-9A-Za-z+/=\\\r\n]{60,}|[0-9A-Za-z_-]{30,}`)

// words matches names, paths and ids, which are not credentials: each word in them has
// one case, except for a capital at its start, and at most 32 characters, like an id.
var words = regexp.MustCompile(`^(?:(?:[0-9A-Za-z]?[0-9a-z]{0,31}|[0-9A-Z]{0,32})(?:[/\\_-]|$))+$`)

// withoutCredential redacts what may be a credential in a text of the command line or
// of the config file, for messages. The user may have put one there by mistake.
func withoutCredential(text string) string {
	return credential.ReplaceAllStringFunc(text, func(found string) string {
		if words.MatchString(found) && !prefixOrKey.MatchString(found) {
			return found
		}
		return "[redacted]"
	})
}

// fileName returns the path of a file for messages. It redacts a directory only if it
// does not exist, because a credential given by mistake names no existing directory.
func fileName(path string) string {
	dir, base := filepath.Split(path)
	if info, err := os.Stat(cmp.Or(dir, ".")); err == nil && info.IsDir() {
		return dir + withoutCredential(base)
	}
	return withoutCredential(path)
}

// prefixOrKey matches tokens and keys with a prefix, such as cfut_, and global API
// keys.
var prefixOrKey = regexp.MustCompile(`^(?i:cf[a-z]{1,3}_.{30,}|[0-9a-f]{37})$`)

// checkRef refuses ids that are invalid or have the form of a credential: reports would
// print them, and requests would send them as part of the URL. A token has 40
// characters, and a line of PEM up to 64; both mix capital and small letters, unlike
// the API's ids. An account id is too short for a credential.
func checkRef(ref api.CertificateRef) error {
	bothCases := ref.ID != strings.ToLower(ref.ID) && ref.ID != strings.ToUpper(ref.ID)
	switch err := ref.Validate(); {
	case err != nil:
		return errors.New(inCLITerms(err))
	case prefixOrKey.MatchString(ref.ID), bothCases && (len(ref.ID) == 40 || len(ref.ID) >= 60):
		return errors.New("the certificate id looks like a credential: an id has 32 hexadecimal digits or is a UUID")
	default:
		return nil
	}
}

// checkValue refuses a value with blanks or quotation marks around it. It does not
// repeat the value, which may be a secret.
func checkValue(name, value string) error {
	core := strings.TrimFunc(value, isPadding)
	padding := strings.Replace(value, core, "", 1)
	switch {
	case padding == "":
		return nil
	case strings.ContainsAny(padding, quotationMarks):
		return usagef("%s has quotation marks around its value: set it without them; nothing was sent", name)
	default:
		return usagef("%s has white space around its value: set it without; nothing was sent", name)
	}
}

const quotationMarks = "\"'`“”„‘’‚«»"

func isPadding(r rune) bool {
	return strings.ContainsRune(quotationMarks+" \t\r\n\u00a0\u200b\uFEFF", r)
}
