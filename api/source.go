package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/certuse/cloudflare-mtls/generated"
)

// askOrder has all sources in the order in which they are asked: those of the account
// before the certificates, and the zones last, which are asked about a certificate
// while no other source names it.
var askOrder = []askedSource{
	{SourceAssociations, true, true, nil},
	{SourceWorkers, false, true, readWorkers},
	{SourcePages, false, true, readPages},
	{SourceHyperdrive, true, true, readHyperdrive},
	{SourceGateway, true, true, readGateway},
	{SourcePosture, true, false, readPosture},
	{SourceHostnames, true, false, readZones},
}

type askedSource struct {
	source Source
	// ca and leaf say which kinds of certificates the source can name.
	ca, leaf bool
	// read reads what belongs to the account; nil: nothing does.
	read func(v *inventory, f *findings)
}

// applies reports whether the source can name a certificate, of which ca may be
// unknown.
func (s askedSource) applies(ca *bool) bool {
	return ca == nil || *ca && s.ca || !*ca && s.leaf
}

// findings is what a source said about an account.
type findings struct {
	source Source
	// operation is the one that failures are of.
	operation operation
	uses      map[string][]Use // by idKey of the certificate's id
	scope     string
	// failure is why the source could not be read, or not in full; then it leaves
	// open each certificate that it does not name. permission is what the
	// credentials lack, if that is why.
	failure    *Error
	permission string
}

// idKey returns the form in which ids of certificates are compared: some services
// write them in capital letters, or without hyphens.
func idKey(id string) string { return strings.ReplaceAll(strings.ToLower(id), "-", "") }

// names reports whether the source names a certificate.
func (f findings) names(certificateID string) bool { return len(f.uses[idKey(certificateID)]) > 0 }

// add notes that something called name refers to a certificate. Further references
// by the same thing, which follow one another, add nothing. A reference that is not
// an id, as an absent one or one with a space in it, could mean any certificate: it is
// a failure of the operation.
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

// fail notes a failure of the operation; the first one is kept.
func (f *findings) fail(failure *Error) {
	if f.failure == nil && failure != nil {
		f.failure, f.permission = failure, missingPermission(f.operation, failure)
	}
}

// incomplete notes a response that lacks a member on the way to a certificate's id.
func (f *findings) incomplete(note string) {
	f.fail(&Error{operation: f.operation.text, StatusCode: http.StatusOK, kinds: []error{ErrUnexpectedResponse}, note: note})
}

// result returns what became of the source.
func (f *findings) result() SourceResult {
	r := SourceResult{Source: f.source, State: SourceComplete, Scope: f.scope}
	if f.failure != nil {
		r.State, r.Err, r.Permission = SourceFailed, f.failure.clone(), f.permission
	}
	return r
}

// missingPermission is what a 403 of the API itself says that the credentials
// lack.
func missingPermission(op operation, failure *Error) string {
	if failure.Is(ErrForbidden) && !failure.Is(ErrUnexpectedResponse) {
		return op.Permission
	}
	return ""
}

// whole returns why a response with n items, which is a list if it has items, may
// not be all that there is.
func (r *reply) whole(op operation, n int) *Error {
	if isTruncated(n, r.info, r.more) {
		return r.fail(op, ErrTruncated, "")
	}
	return r.current(op)
}

// readList reads a list without pages.
func readList[T any, P generatedType[T]](v *inventory, f *findings, op operation, send send) []T {
	rows := asReceived[T, P]()
	if r := f.ask(v, op, send, &rows); r != nil {
		f.fail(r.whole(op, len(rows.items)))
	}
	return rows.items
}

// readObject reads a result that is one object; nil if there is none.
func readObject[T any, P generatedType[T]](v *inventory, f *findings, op operation, send send) *T {
	var got object[T, P]
	if r := f.ask(v, op, send, &got); r != nil {
		f.fail(r.whole(op, 0))
	}
	return got.value
}

// ask calls an operation and notes its failure; then it returns nil.
func (f *findings) ask(v *inventory, op operation, send send, result result) *reply {
	f.operation = op
	r, failure := v.client.do(v.ctx, op, v.policy(), send, result)
	f.fail(failure)
	return r
}

// ofAccount makes the request of an operation that has no other parameter.
func (v *inventory) ofAccount(request func(ctx context.Context, accountID string, edit ...editor) (*http.Response, error)) send {
	return func(ctx context.Context, edit editor) (*http.Response, error) { return request(ctx, v.account, edit) }
}

// asReceived reads a list without converting its items.
func asReceived[T any, P generatedType[T]]() list[T, T, P] {
	return list[T, T, P]{convert: func(item *T, _ []string) (T, error) { return *item, nil }}
}

// counted writes a number with its noun.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// editor is short for the type in the signatures of the sources.
type editor = generated.RequestEditorFn
