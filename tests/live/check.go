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

// want is the required result of a probe.
type want int

const (
	answered want = iota + 1 // with a success
	refused                  // with an error: a success could show a used certificate as unused
)

// probe is one call with its result.
type probe struct {
	name string
	want want
	call func(context.Context, *probe)

	outcome    string
	status     int
	err        error
	skipped    bool // nothing to read in the account
	violations []contract.Violation
}

// report holds all probes.
type report []*probe

// check calls the API of the target. It returns an error only for an invalid target;
// the behaviour of the API is in the report.
func check(ctx context.Context, t target) (report, error) {
	missing := api.CertificateRef{AccountID: t.certificate.AccountID, ID: "00000000-0000-4000-8000-000000000000"}
	var current *probe
	transport, err := contract.NewTransport(nil, contract.WithHandler(func(v contract.Violation) {
		current.violations = append(current.violations, v)
	}))
	if err != nil {
		return nil, err
	}
	associations := func(credentials api.Credentials, cert api.CertificateRef) func(context.Context, *probe) {
		return func(ctx context.Context, p *probe) {
			var client *api.Client
			if client, p.err = api.New(credentials, append([]api.Option{api.WithHTTPClient(&http.Client{Transport: transport})}, t.options...)...); p.err == nil {
				p.associations(ctx, client, cert)
			}
		}
	}
	all := report{
		{name: "the certificate", want: answered, call: associations(t.credentials, t.certificate)},
		{name: "a certificate that does not exist", want: refused, call: associations(t.credentials, missing)},
		{name: "an unknown token", want: refused, call: associations(api.APIToken("contract-live-invalid-token"), t.certificate)},
	}
	reads, err := reads(t, transport)
	if err != nil {
		return nil, err
	}
	all = append(all, reads...)
	for _, current = range all {
		current.call(ctx, current)
		if errors.Is(current.err, api.ErrInvalidArgument) {
			return nil, current.err
		}
	}
	return all, nil
}

func (p *probe) associations(ctx context.Context, client *api.Client, cert api.CertificateRef) {
	list, err := client.Associations(ctx, cert)
	if err == nil {
		p.status = http.StatusOK
		p.outcome = fmt.Sprintf("%v, %d associations, truncated %t", list.Usage(), len(list.Associations), list.Truncated)
		return
	}
	p.err, p.outcome = err, err.Error()
	if failure, ok := errors.AsType[*api.Error](err); ok {
		p.status = failure.StatusCode
	}
}

// failed reports whether the response is missing or not the required one, breaks the
// contract, or could not be checked.
func (p *probe) failed() bool {
	for _, v := range p.violations {
		if v.Class != contract.Drift {
			return true
		}
	}
	if p.skipped {
		return false
	}
	return p.status == 0 || p.want == answered && p.err != nil || p.wronglyAnswered()
}

// wronglyAnswered reports whether the API granted what it must refuse. A success
// without a list counts too, because another client may take it for an empty list.
func (p *probe) wronglyAnswered() bool {
	return p.want == refused && p.status/100 == 2
}

func (r report) failed() bool {
	for _, p := range r {
		if p.failed() {
			return true
		}
	}
	return false
}

func (r report) print(out io.Writer) {
	classes := map[contract.Class]int{}
	for _, p := range r {
		verdict := "ok"
		switch {
		case p.failed():
			verdict = "FAILED"
		case p.skipped:
			verdict = "not asked"
		}
		fmt.Fprintf(out, "%s: %s\n    %s\n", p.name, verdict, p.outcome)
		if p.wronglyAnswered() {
			fmt.Fprintf(out, "    the API did not refuse this call but responded with status %d\n", p.status)
		}
		for _, v := range p.violations {
			classes[v.Class]++
			fmt.Fprintf(out, "    %v\n", v)
		}
	}
	fmt.Fprintf(out, "contract-live: %d violations in requests and %d in responses, %d points of drift, %d unchecked\n",
		classes[contract.BadRequest], classes[contract.BadResponse], classes[contract.Drift],
		classes[contract.Unchecked]+classes[contract.Outside])
}
