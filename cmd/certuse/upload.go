package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/certuse/cloudflare-mtls/api"
)

const (
	pemBegin = "-----BEGIN "
	// maxPEMBytes is far above a chain of certificates.
	maxPEMBytes = 1 << 20
)

// clockError is how far the clock of this machine may differ from that of the API.
const clockError = 10 * time.Second

// upload is the command that uploads a certificate to an account.
type upload struct {
	query
	cert, key string // names of files
	ca        bool
	name      string
}

func newUploadCommand(sys system) *cobra.Command {
	u := &upload{query: query{sys: sys, kind: reportList, sortBy: sortOrders[0]}}
	cmd := &cobra.Command{
		Use:   "upload [--account ACCOUNT] --cert FILE [--key FILE] [--ca] [--name NAME]",
		Short: "Upload a certificate",
		Long:  uploadHelp,
		Example: `  certuse upload --cert root.pem --ca --name partner-root
  certuse upload --cert client.pem --key client.key --name checkout -o id
  vault read -field=key … | certuse upload --cert client.pem --key -`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("upload takes no arguments: give --cert FILE")
			}
			return u.run(cmd)
		},
	}
	u.withCommonFlags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&u.cert, "cert", "", "read the certificate, and any issuers to store after it, in PEM from `FILE`; - is standard input")
	flags.StringVar(&u.key, "key", "", "read the private key of the certificate, in PEM and not encrypted, from `FILE`; - is standard input")
	flags.BoolVar(&u.ca, "ca", false, "the certificate is that of a certificate authority")
	flags.StringVar(&u.name, "name", "", "`NAME` of the certificate in the account")
	completeFiles(cmd, "cert", "key")
	return cmd
}

func (u *upload) run(cmd *cobra.Command) error {
	if err := u.check(cmd); err != nil {
		return err
	}
	ctx, cancel := u.withTimeout(cmd.Context())
	defer cancel()
	service, err := u.connect(u.sys)
	if err != nil {
		return err
	}
	defer service.close()
	if n := len(service.accounts); n != 1 {
		return usagef("upload needs one account, not %d: give one --account (or, without --profile, CLOUDFLARE_ACCOUNT_ID), or try --demo", n)
	}
	account, err := service.access(service.accounts[0])
	if err != nil {
		return err
	}
	cert, err := u.read(ctx)
	if err != nil {
		return err
	}
	out, err := u.open(u.sys, false)
	if err != nil {
		return err
	}
	defer out.discard()
	began := time.Now()
	stored, err := account.client.Upload(ctx, service.accounts[0], cert)
	if err != nil {
		code := exitFailure
		if errors.Is(err, api.ErrOutcomeUnknown) || ctx.Err() != nil {
			code = exitUnknown
		}
		return &exitError{code, errors.New(explainAccount(err))}
	}
	storedText := fmt.Sprintf("certuse: the certificate is in the account: %s\n", printable(stored.Ref.ID))
	if !u.quiet {
		fmt.Fprint(u.sys.stderr, storedText)
		if stored.Name != u.name {
			fmt.Fprintf(u.sys.stderr, "certuse: its name is %q, not %q: the account had the certificate before\n", stored.Name, withoutCredential(u.name))
		}
		if on := stored.UploadedOn; u.key != "" && !on.IsZero() && on.Before(began.Add(-clockError)) {
			fmt.Fprintf(u.sys.stderr, "certuse: it was uploaded on %s: unless a clock is wrong, the account had it before, and did not store this key\n", on.UTC().Format(time.RFC3339))
		}
	}
	if err = u.report(out, stored); err != nil && u.quiet {
		fmt.Fprint(u.sys.stderr, storedText)
	}
	return err
}

// check refuses wrong flags. No message repeats the value of --cert or --key, because
// it may be a private key.
func (u *upload) check(cmd *cobra.Command) error {
	for _, file := range []struct{ flag, name string }{{"cert", u.cert}, {"key", u.key}} {
		switch {
		case cmd.Flags().Changed(file.flag) && file.name == "":
			return usagef("--%s is empty", file.flag)
		case strings.Contains(file.name, pemBegin):
			return usagef("--%s takes the name of a file, or - for standard input, not the PEM text", file.flag)
		}
	}
	switch {
	case u.cert == "":
		return usagef("no certificate is named: give --cert FILE")
	case u.cert == "-" && u.key == "-":
		return usagef("--cert and --key cannot both be standard input")
	}
	return u.query.check(cmd)
}

// read reads the certificate and its key, and checks them.
func (u *upload) read(ctx context.Context) (api.CertificateUpload, error) {
	cert := api.CertificateUpload{Name: u.name, CA: u.ca}
	var err error
	if cert.PEM, err = u.readPEM(ctx, "the certificate", u.cert); err != nil {
		return cert, err
	}
	if u.key != "" {
		key, err := u.readPEM(ctx, "the private key", u.key)
		if err != nil {
			return cert, err
		}
		cert.Key = api.PrivateKeyPEM(key)
	}
	if err := cert.Validate(); err != nil {
		return cert, usagef("%s; nothing was sent", uploadWords.Replace(inCLITerms(err)))
	}
	return cert, nil
}

// uploadWords maps texts of the library to terms of the command line.
var uploadWords = strings.NewReplacer(
	"Name holds a PEM", "--name holds a PEM", "certificates belong in PEM, keys in Key", "certificates belong in --cert, keys in --key",
	"PEM: ", "--cert: ", "PEM is", "--cert is", "block 1 of PEM", "block 1 of --cert", "belongs in PEM", "belongs in --cert",
	"Key: ", "--key: ", "Key is", "--key is", "belongs in Key", "belongs in --key",
	"but CA is false", "but --ca is not given",
)

func (u *upload) readPEM(ctx context.Context, what, name string) (string, error) {
	var text []byte
	err := u.readFrom(ctx, what, name, func(r io.Reader, name string) (err error) {
		text, err = io.ReadAll(io.LimitReader(r, maxPEMBytes+1))
		switch {
		case err != nil:
			return failuref("cannot read %s: %w", name, err)
		case len(text) > maxPEMBytes:
			return usagef("%s is longer than %d bytes: is this %s?", name, maxPEMBytes, what)
		}
		return nil
	})
	if err != nil { // after Ctrl-C, the read may still set text
		return "", err
	}
	return string(text), nil
}

// report prints the certificate as stored. No account was read, so the report has no
// target, and prometheus prints no time of success.
func (u *upload) report(out *destination, stored *api.Certificate) error {
	rep := u.newReport(out, nil)
	rep.records = []record{{InventoryItem: api.InventoryItem{Certificate: *stored}}}
	rep.summary.add(&rep.records[0], false, rep.now)
	if err := u.write(rep); err != nil {
		return out.failure(err)
	}
	return out.commit()
}
