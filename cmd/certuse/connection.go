package main

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/certuse/cloudflare-mtls/api"
)

// connection says which API is used, and how.
type connection struct {
	accounts  []string
	demo      bool
	quiet     bool
	debug     bool
	rateLimit int
}

// service is the API that is used, real or fake.
type service struct {
	client   *api.Client
	accounts []string
	close    func()
}

func (c *connection) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVar(&c.accounts, "account", nil, "account `ID`, also several (default $CLOUDFLARE_ACCOUNT_ID)")
	flags.BoolVar(&c.demo, "demo", false, "use a fake service inside this program: no account, no network")
	flags.BoolVarP(&c.quiet, "quiet", "q", false, "print nothing but errors to standard error")
	flags.BoolVar(&c.debug, "debug", false, "print each request to standard error: status, waits, Ray ID; never a credential")
	flags.IntVar(&c.rateLimit, "rate-limit", defaultRateLimit, "at most this many `REQUESTS` in five minutes; 0: no limit")
	cmd.MarkFlagsMutuallyExclusive("quiet", "debug")
	_ = cmd.RegisterFlagCompletionFunc("account", cobra.NoFileCompletions)
}

// check refuses accounts that are not valid. An empty --account usually
// means an unset shell variable; the account of the environment may be another.
func (c *connection) check(cmd *cobra.Command) error {
	if cmd.Flags().Changed("account") && len(c.accounts) == 0 {
		return usagef("--account is empty")
	}
	var distinct []string
	seen := map[string]bool{}
	for _, account := range c.accounts {
		if err := checkAccount("--account", account); err != nil {
			return err
		}
		if !seen[account] {
			seen[account] = true
			distinct = append(distinct, account)
		}
	}
	c.accounts = distinct
	if c.demo && len(c.accounts) > 0 {
		return usagef("--demo brings its own account and certificates: leave yours out")
	}
	return nil
}

// connect makes the client: from the environment, or for the fake service.
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
	if err := checkEnvironment(sys.getenv); err != nil {
		return nil, err
	}
	creds, err := sys.credentials()
	if err != nil {
		return nil, usagef("no credentials: %s; or try --demo", plainly(err))
	}
	if base := sys.getenv("CLOUDFLARE_BASE_URL"); base != "" {
		opts = append(opts, api.WithBaseURL(base))
	}
	client, err := api.New(creds, opts...)
	if err != nil {
		return nil, usagef("%s", plainly(err))
	}
	accounts := c.accounts
	if account := sys.getenv("CLOUDFLARE_ACCOUNT_ID"); len(accounts) == 0 && account != "" {
		if err := checkAccount("CLOUDFLARE_ACCOUNT_ID", account); err != nil {
			return nil, err
		}
		accounts = []string{account}
	}
	return &service{client: client, accounts: accounts, close: client.CloseIdleConnections}, nil
}

// checkAccount blames an account id that cannot be one on what it came from.
func checkAccount(origin, account string) error {
	if account == "" {
		return usagef("%s is empty", origin)
	}
	if err := checkValue(origin, account); err != nil {
		return err
	}
	if err := (api.CertificateRef{AccountID: account, ID: "x"}).Validate(); err != nil {
		return usagef("%s: %s", origin, plainly(err))
	}
	return nil
}

// checkEnvironment refuses values of the environment that were quoted or padded by
// mistake. It looks only at those that are used.
func checkEnvironment(getenv func(string) string) error {
	used := []string{"CLOUDFLARE_API_TOKEN"}
	if getenv("CLOUDFLARE_API_TOKEN") == "" {
		used = []string{"CLOUDFLARE_EMAIL", "CLOUDFLARE_API_KEY"}
	}
	var problems []error
	for _, name := range append(used, "CLOUDFLARE_BASE_URL") {
		problems = append(problems, checkValue(name, getenv(name)))
	}
	if prefix := "bearer "; strings.HasPrefix(strings.ToLower(getenv(used[0])), prefix) {
		problems = append(problems, fmt.Errorf("%s begins with %q: set it to the token alone", used[0], "Bearer"))
	}
	if err := errors.Join(problems...); err != nil {
		return &exitError{exitUsage, err}
	}
	return nil
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
