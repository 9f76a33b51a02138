package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/contract"
)

// question is one call with what came of it.
type question struct {
	name        string
	credentials api.Credentials
	certificate api.CertificateRef
	mustAnswer  bool // anything but an answer is a failure

	outcome    string
	status     int
	err        error
	violations []contract.Violation
}

// report is all that was asked.
type report []*question

// check asks the API of the target. An error is about the target; what the API
// does is in the report.
func check(ctx context.Context, t target) (report, error) {
	missing := api.CertificateRef{AccountID: t.certificate.AccountID, ID: "00000000-0000-4000-8000-000000000000"}
	all := report{
		{name: "the certificate", credentials: t.credentials, certificate: t.certificate, mustAnswer: true},
		{name: "a certificate that does not exist", credentials: t.credentials, certificate: missing},
		{name: "a token that nobody has", credentials: api.APIToken("contract-live-invalid-token"), certificate: t.certificate},
	}
	var current *question
	transport, err := contract.NewTransport(nil, contract.WithHandler(func(v contract.Violation) {
		current.violations = append(current.violations, v)
	}))
	if err != nil {
		return nil, err
	}
	options := append([]api.Option{api.WithHTTPClient(&http.Client{Transport: transport})}, t.options...)
	for _, current = range all {
		client, err := api.New(current.credentials, options...)
		if err != nil {
			return nil, err
		}
		current.ask(ctx, client)
		if errors.Is(current.err, api.ErrInvalidArgument) {
			return nil, current.err
		}
	}
	return all, nil
}

func (q *question) ask(ctx context.Context, client *api.Client) {
	list, err := client.Associations(ctx, q.certificate)
	if err == nil {
		q.status = http.StatusOK
		q.outcome = fmt.Sprintf("%v, %d associations, truncated %t", list.Usage(), len(list.Associations), list.Truncated)
		return
	}
	q.err, q.outcome = err, err.Error()
	if failure, ok := errors.AsType[*api.Error](err); ok {
		q.status = failure.StatusCode
	}
}

// failed tells whether the question's answer is missing, breaks the contract, or
// could not be checked against it.
func (q *question) failed() bool {
	for _, v := range q.violations {
		if v.Class != contract.Drift {
			return true
		}
	}
	return q.status == 0 || (q.mustAnswer && q.err != nil)
}

func (r report) failed() bool {
	for _, q := range r {
		if q.failed() {
			return true
		}
	}
	return false
}

func (r report) print(out io.Writer) {
	classes := map[contract.Class]int{}
	for _, q := range r {
		verdict := "ok"
		if q.failed() {
			verdict = "FAILED"
		}
		fmt.Fprintf(out, "%s: %s\n    %s\n", q.name, verdict, q.outcome)
		for _, v := range q.violations {
			classes[v.Class]++
			fmt.Fprintf(out, "    %v\n", v)
		}
	}
	fmt.Fprintf(out, "contract-live: %d requests and %d responses break the contract, %d points of drift, %d unchecked\n",
		classes[contract.BadRequest], classes[contract.BadResponse], classes[contract.Drift],
		classes[contract.Unchecked]+classes[contract.Outside])
}
