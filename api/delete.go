package api

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/certuse/cloudflare-mtls/generated"
)

var deleteCertificate = operation{generated.DeleteMTLSCertificateOperation, "delete mTLS certificate"}

const (
	// codeCertificateNotFound is not documented; it is from source code of the vendor.
	codeCertificateNotFound = 1472
	// maxEvidenceAge is the greatest age of the evidence when a certificate is deleted. At
	// the default rate, evidence of 2,000 requests takes 5 to 10 minutes.
	maxEvidenceAge = 10 * time.Minute
)

// DeleteOption configures [Client.DeleteUnused].
type DeleteOption func(*deleteConfig) error

type deleteConfig struct {
	digest          *[sha256.Size]byte
	timeout         time.Duration
	evidence        []InventoryOption
	evidenceContext context.Context
}

// IfSHA256 deletes the certificate only if its first certificate, in DER, has this
// digest; see [Certificate.SHA256]. Otherwise the error is [ErrMismatch].
func IfSHA256(digest [sha256.Size]byte) DeleteOption {
	return func(c *deleteConfig) error {
		c.digest = &digest
		return nil
	}
}

// WithDeleteTimeout limits the wait for the certificate to disappear. The wait begins
// when the API has accepted the request to delete, or when its outcome is unclear. The
// default is 2 minutes, and less than 1 ms is invalid. A delay of the first check by the
// limiter, up to 5 minutes, is added.
func WithDeleteTimeout(d time.Duration) DeleteOption {
	return func(c *deleteConfig) error {
		c.timeout = d
		return duration("WithDeleteTimeout", d)
	}
}

// WithDeleteNoZones states that the account has no zones, as [WithNoZones] does.
func WithDeleteNoZones() DeleteOption {
	return func(c *deleteConfig) error {
		c.evidence = append(c.evidence, WithNoZones())
		return nil
	}
}

// WithEvidenceContext sets a further context for gathering evidence. After its end, no
// deletion begins, and no evidence is gathered after a refusal. A deletion that has
// begun ends with the context of the call only, so a caller that is interrupted can
// stop early and still get the outcome of the deletion.
func WithEvidenceContext(ctx context.Context) DeleteOption {
	return func(c *deleteConfig) error {
		if isNil(ctx) {
			return errors.New("WithEvidenceContext: the context is nil")
		}
		c.evidenceContext = ctx
		return nil
	}
}

// DeleteUnused deletes a certificate that nothing uses. No other method deletes.
//
// It gathers the evidence of all sources, as [Client.Evidence] does, and deletes the
// certificate only if its usage is [Unused] and its type is "custom". Then it reads the
// certificate at growing intervals until the API reports it as missing or the time is
// over ([WithDeleteTimeout]). The request to delete may be retried, but is never sent
// more than 10 minutes after the evidence was begun.
//
// Evidence that is [Unused] but took more than 10 minutes, for example because of a
// block or an outage, is gathered once more. If that takes as long, the error is
// [ErrUsageUnknown]. Evidence is also gathered once more if the API reported the
// certificate or a zone as missing while a source was read; if another caller has
// deleted the certificate, the error is [ErrNotFound].
//
// The error is nil if and only if the state is [DeletionDone]. The [*Deletion] is nil
// only if the evidence before a deletion could not be gathered. The error is an
// [*Error]. Test for [ErrOutcomeUnknown] first: it means that the certificate may be
// deleted or not, and the error may also match others of this list. Call again; if that
// call returns [ErrNotFound], the API does not have the certificate. With every error
// that does not match [ErrOutcomeUnknown], this call has not deleted it:
//
//   - [ErrUsageUnknown], [ErrManaged] or [ErrMismatch]: no request to delete was sent.
//     That also holds for [ErrInUse], unless the API refused the deletion.
//   - [ErrRejected], [ErrForbidden] or another refusal of the deletion. Evidence was
//     gathered once more; if it now has a use, the error also matches [ErrInUse].
//   - [ErrRateLimited]: call again after RetryAfter.
//   - [ErrUnauthorized]: the credentials were refused.
//   - [ErrUnreachable]: there was no connection for the request to delete.
//   - [ErrNotAsked]: the request to delete was not sent.
//   - without a [*Deletion], the error of reading the certificate or its sources.
//
// A certificate that another caller deletes after the evidence was gathered counts as
// deleted; see [Deletion.AlreadyGone]. One that does not exist is [ErrNotFound], but an
// error that also matches [ErrUnexpectedResponse] shows nothing about it.
//
// The vendor documents the operation at
// https://developers.cloudflare.com/api/resources/mtls_certificates/methods/delete/.
func (c *Client) DeleteUnused(ctx context.Context, cert CertificateRef, opts ...DeleteOption) (*Deletion, error) {
	cfg := deleteConfig{timeout: 2 * time.Minute}
	if err := c.check(ctx, errors.Join(configure(&cfg, opts), cert.validate())); err != nil {
		return nil, invalidArgument(deleteCertificate.text, err.Error())
	}
	evidenceCtx := ctx
	if cfg.evidenceContext != nil {
		both, end := context.WithCancelCause(cfg.evidenceContext)
		defer end(nil)
		defer context.AfterFunc(ctx, func() { end(context.Cause(ctx)) })()
		evidenceCtx = both
	}
	item, _, fail := c.inspect(evidenceCtx, cert, cfg.evidence)
	if fail == nil && (item.Evidence.Usage() == Unused && item.Evidence.isOld() || item.Evidence.showsMissing()) {
		item, _, fail = c.inspect(evidenceCtx, cert, cfg.evidence)
	}
	if fail != nil {
		return nil, c.withContextErrors(ctx, fail)
	}
	d := &Deletion{Certificate: item.Certificate, Evidence: &item.Evidence, State: DeletionKept}
	if evidenceCtx.Err() != nil {
		return d, c.withContextErrors(ctx, &Error{operation: deleteCertificate.text, kinds: []error{ErrNotAsked}, causes: c.contextErrors(evidenceCtx)})
	}
	if note, kind := cfg.refusal(item); kind != nil {
		return d, &Error{operation: deleteCertificate.text, kinds: []error{kind}, note: note}
	}
	r, fail := c.requestDeletion(ctx, evidenceCtx, cert, &item.Evidence)
	switch {
	case fail == nil:
		d.RayID = r.rayID
	case fail.unclear || isGone(fail):
		d.RayID, d.AlreadyGone = fail.RayID, isGone(fail)
	default: // the request had no effect
		newer, gone := c.evidenceAfter(evidenceCtx, fail, cert, cfg.evidence)
		d.RayID, d.AlreadyGone = fail.RayID, gone
		if newer != nil {
			d.Evidence = newer
			if note, kind := newer.refusal(); kind == ErrInUse {
				fail.addKind(ErrInUse, note)
			}
		}
		if !gone {
			return d, fail
		}
	}
	gone, note := c.waitGone(ctx, cert, cfg.timeout)
	if gone {
		d.State, d.DeletedAt = DeletionDone, time.Now()
		return d, nil
	}
	d.State = DeletionUnknown
	if fail == nil {
		fail = r.fail(ErrOutcomeUnknown, note)
	} else {
		fail.addKind(ErrOutcomeUnknown, note)
	}
	return d, c.withContextErrors(ctx, fail)
}

// requestDeletion sends the request to delete a certificate, and its retries, only
// until the evidence is old. Until the first attempt, the wait for the limiter ends
// with evidenceCtx too.
func (c *Client) requestDeletion(ctx, evidenceCtx context.Context, cert CertificateRef, evidence *Evidence) (*reply, *Error) {
	admission, end := context.WithCancelCause(ctx)
	defer end(nil)
	old := func() { end(&stopCause{kind: ErrUsageUnknown}) }
	defer time.AfterFunc(maxEvidenceAge-evidence.age(), old).Stop()
	unbind := context.AfterFunc(evidenceCtx, func() { end(nil) })
	defer unbind()
	expired := func() bool {
		if evidence.isOld() { // the timer stops while the machine is suspended
			old()
		}
		return admission.Err() != nil
	}
	var result object[generated.Certificate, *generated.Certificate]
	r, fail := c.do(ctx, deleteCertificate, callPolicy{admission: admission, expired: expired}, func(ctx context.Context, edit editor) (*http.Response, error) {
		unbind()
		return c.generated.DeleteMTLSCertificate(ctx, cert.AccountID, cert.ID, edit)
	}, &result)
	if fail != nil && fail.Is(ErrNotAsked) && evidenceCtx.Err() != nil {
		fail.causes = c.contextErrors(evidenceCtx)
		return nil, c.withContextErrors(ctx, fail)
	}
	return r, fail
}

// refusal returns why a certificate must not be deleted. If it may be deleted, kind is
// nil.
func (c *deleteConfig) refusal(item *InventoryItem) (note string, kind error) {
	switch digest, err := item.Certificate.SHA256(); {
	case item.Certificate.Type == "":
		return "the API did not send the type of the certificate", ErrManaged
	case item.Certificate.Type != "custom":
		return "the type of the certificate is " + item.Certificate.Type + ", not custom", ErrManaged
	case c.digest != nil && err != nil:
		return "IfSHA256: " + err.Error(), ErrMismatch
	case c.digest != nil && digest != *c.digest:
		return "the certificate is not the one of IfSHA256", ErrMismatch
	}
	note, kind = item.Evidence.refusal()
	if kind == nil && item.Evidence.isOld() {
		return fmt.Sprintf("the evidence is %v old", item.Evidence.age().Round(time.Second)), ErrUsageUnknown
	}
	return note, kind
}

// isOld reports whether evidence is too old to delete a certificate.
func (e *Evidence) isOld() bool { return e.age() > maxEvidenceAge }

// age returns the time since StartedAt by the clock that shows more: the monotonic
// clock stops while the machine is suspended, and the wall clock can be set back.
func (e *Evidence) age() time.Duration {
	now := time.Now()
	return max(now.Sub(e.StartedAt), now.Round(0).Sub(e.StartedAt))
}

// showsMissing reports whether the associations or hostnames could not be read because
// the API did not have the certificate or a zone.
func (e *Evidence) showsMissing() bool {
	return slices.ContainsFunc(e.Sources, func(r SourceResult) bool {
		return (r.Source == SourceAssociations || r.Source == SourceHostnames) && isGone(asError(r.Err))
	})
}

// evidenceAfter gathers the evidence again after a request to delete a certificate had
// no effect; refusal is the error of that request. It returns nil if the evidence
// cannot be gathered, or if refusal does not depend on the certificate. gone reports
// that the certificate no longer exists.
func (c *Client) evidenceAfter(ctx context.Context, refusal *Error, cert CertificateRef, opts []InventoryOption) (_ *Evidence, gone bool) {
	if refusal.StatusCode == 0 || refusal.Is(ErrRateLimited) || refusal.Is(ErrUnauthorized) {
		return nil, false
	}
	item, _, fail := c.inspect(ctx, cert, opts)
	if fail != nil {
		return nil, isGone(fail)
	}
	return &item.Evidence, false
}

// waitGone reads a certificate until the API reports it as missing. note is the reason
// for a false result.
func (c *Client) waitGone(ctx context.Context, cert CertificateRef, limit time.Duration) (gone bool, note string) {
	note = "the outcome is unknown: there was no time to check"
	gone = poll(ctx, c.timeToCheck(limit), func(ctx context.Context) (bool, time.Duration) {
		found, fail := c.certificate(ctx, cert, seriesPolicy(ctx))
		gone := isGone(fail)
		if gone && !hasCode(fail.Details, codeCertificateNotFound) {
			// The account or the path may be missing, for example with the code 7003.
			found, fail = c.search(ctx, cert.AccountID, func(listed *Certificate) bool { return strings.EqualFold(listed.Ref.ID, cert.ID) })
			gone = found == nil && fail == nil
		}
		switch {
		case found != nil:
			note = "the outcome is unknown: the API still shows the certificate"
		case fail != nil && ctx.Err() == nil:
			note = "the outcome is unknown: " + fail.Error()
		}
		return gone, 0
	})
	return gone, note
}

// isGone reports whether the failure is the API's own report that the certificate does
// not exist.
func isGone(fail *Error) bool {
	return fail != nil && !fail.Is(ErrUnexpectedResponse) && (fail.Is(ErrNotFound) || hasCode(fail.Details, codeCertificateNotFound))
}

// DeletionState is the outcome of a deletion.
type DeletionState string

// The states of a deletion.
const (
	// DeletionKept means that this call did not delete the certificate.
	DeletionKept DeletionState = "kept"
	// DeletionDone means that the API had the certificate and now reports it as missing.
	DeletionDone DeletionState = "deleted"
	// DeletionUnknown means that a request to delete was sent and its outcome is unknown.
	DeletionUnknown DeletionState = "unknown"
)

// Deletion is the record of one call of [Client.DeleteUnused]. It belongs to its
// caller.
type Deletion struct {
	// Certificate is the certificate before the deletion.
	Certificate Certificate `json:"-"`
	// Evidence was gathered before the request to delete, or after it if the API refused
	// the request and the evidence could be gathered again.
	Evidence *Evidence     `json:"-"`
	State    DeletionState `json:"state"`
	// AlreadyGone is true if the API reported the certificate as missing in response to
	// the request to delete, or after a refusal of that request. If State is DeletionDone,
	// another caller deleted the certificate, or an earlier attempt of this call did.
	AlreadyGone bool `json:"already_gone"`
	// DeletedAt is when a read after the request to delete first showed the certificate
	// as missing, by the local clock. It is zero unless State is DeletionDone.
	DeletedAt time.Time `json:"deleted_at,omitzero"`
	// RayID is the vendor's id of the response to the request to delete.
	RayID string `json:"ray_id,omitempty"`
}

// String returns the certificate's id, the state and a summary of the evidence. Do not
// parse the text; it may change.
func (d Deletion) String() string {
	return fmt.Sprintf("%s: %s (%v)", d.Certificate.Ref.ID, d.State, d.Evidence)
}

// deletionFields is a deletion without its methods.
type deletionFields Deletion

// MarshalJSON returns the fields in one object with those of [InventoryItem].
func (d Deletion) MarshalJSON() ([]byte, error) {
	item := InventoryItem{Certificate: d.Certificate}
	if d.Evidence != nil {
		item.Evidence = *d.Evidence
	}
	d.DeletedAt = d.DeletedAt.UTC().Truncate(time.Second)
	return json.Marshal(struct {
		itemJSON
		deletionFields
	}{item.json(), deletionFields(d)})
}

// UnmarshalJSON replaces the whole record.
func (d *Deletion) UnmarshalJSON(text []byte) error {
	type fields struct {
		itemFields
		deletionFields
	}
	return unmarshal(text, d, func(in fields) Deletion {
		d, item := Deletion(in.deletionFields), in.item()
		d.Certificate, d.Evidence = item.Certificate, &item.Evidence
		return d
	})
}
