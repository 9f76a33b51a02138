package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// readOrder has all sources in the order in which they are read. The hostnames are
// last: without [WithAllUses], they are read only while no source names the
// certificate.
var readOrder = []sourceReader{
	{SourceAssociations, true, true, nil},
	{SourceWorkers, false, true, readWorkers},
	{SourcePages, false, true, readPages},
	{SourceHyperdrive, true, true, readHyperdrive},
	{SourceGateway, true, true, readGateway},
	{SourcePosture, true, false, readPosture},
	{SourceHostnames, true, false, readZones},
}

type sourceReader struct {
	source Source
	// ca and leaf are the kinds of certificates that the source can name.
	ca, leaf bool
	// read reads the source for the account. If it is nil, the source is read by
	// certificate.
	read func(v *inventory, f *findings)
}

// applies reports whether the source can name a certificate; a nil ca means an unknown
// kind.
func (s sourceReader) applies(ca *bool) bool {
	return ca == nil || *ca && s.ca || !*ca && s.leaf
}

// findings is the result of a source for an account.
type findings struct {
	source Source
	// operation is the one called last. The errors of incomplete name it.
	operation operation
	uses      map[string][]Use // by idKey of the certificate's id
	scope     string
	// failure is the reason why the source could not be read in full, or nil.
	// permission is the missing permission, if that is the reason.
	failure    *Error
	permission string
}

// idKey returns an id for comparison: some services write ids in capital letters or
// without hyphens.
func idKey(id string) string { return strings.ReplaceAll(strings.ToLower(id), "-", "") }

// add records that name refers to a certificate. Consecutive references by one name are
// one use. A reference that is not an id could mean any certificate, so it is a failure
// of the operation.
func (f *findings) add(name, certificateID string) {
	if err := validateID("a reference to a certificate", certificateID, maxCertificateIDLength); err != nil {
		f.incomplete(err.Error())
		return
	}
	id := idKey(certificateID)
	use, known := Use{Source: f.source, Name: name}, f.uses[id]
	if len(known) == 0 || known[len(known)-1] != use {
		f.uses[id] = append(known, use)
	}
}

// fail records a failure of the operation; the first one is kept.
func (f *findings) fail(failure *Error) {
	if f.failure == nil {
		f.failure, f.permission = failure, failure.missingPermission()
	}
}

// incomplete records that the source cannot be read in full from a successful response,
// for example because a required member is missing.
func (f *findings) incomplete(note string) {
	f.fail(&Error{operation: f.operation.text, StatusCode: http.StatusOK, kinds: []error{ErrUnexpectedResponse}, note: note})
}

func (f *findings) result() SourceResult {
	r := SourceResult{Source: f.source, State: SourceComplete, Scope: f.scope}
	if f.failure != nil {
		r.State, r.Err, r.Permission = SourceFailed, f.failure.clone(), f.permission
	}
	return r
}

// completenessError returns the reason why a response with n items may be incomplete or
// out of date, or nil.
func (r *reply) completenessError(n int) *Error {
	if isTruncated(n, r.info, r.more) {
		return r.fail(ErrTruncated, "")
	}
	return r.freshnessError()
}

// readList reads a list without pages.
func readList[T any, P generatedType[T]](v *inventory, f *findings, op operation, send send) []T {
	rows := unconverted[T, P]()
	if r := f.call(v, op, send, &rows); r != nil {
		f.fail(r.completenessError(len(rows.items)))
	}
	return rows.items
}

// readObject reads a result that is one object. It returns nil if the call fails.
func readObject[T any, P generatedType[T]](v *inventory, f *findings, op operation, send send) *T {
	var got object[T, P]
	if r := f.call(v, op, send, &got); r != nil {
		f.fail(r.completenessError(0))
	}
	return got.value
}

// call calls an operation. If that fails, it records the failure and returns nil.
func (f *findings) call(v *inventory, op operation, send send, result result) *reply {
	f.operation = op
	r, failure := v.client.do(v.ctx, op, v.policy(), send, result)
	f.fail(failure)
	return r
}

// accountSend returns the send function of an operation whose only parameter is the
// account.
func (v *inventory) accountSend(request func(ctx context.Context, accountID string, edit ...editor) (*http.Response, error)) send {
	return func(ctx context.Context, edit editor) (*http.Response, error) { return request(ctx, v.account, edit) }
}

// unconverted returns an empty list whose items keep their generated type.
func unconverted[T any, P generatedType[T]]() list[T, T, P] {
	return list[T, T, P]{convert: func(item *T, _ []string) (T, error) { return *item, nil }}
}

// pluralize returns a number with its noun.
func pluralize(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
