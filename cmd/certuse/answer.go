package main

import (
	"errors"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

// The three answers, as every format writes them.
const (
	usageInUse   = "in_use"
	usageUnused  = "unused"
	usageUnknown = "unknown"
)

// answer is what the command says about one certificate. Its JSON form is a
// contract with scripts; `certuse help formats` states it.
type answer struct {
	AccountID     string        `json:"account_id"`
	CertificateID string        `json:"certificate_id"`
	Usage         string        `json:"usage"`
	CheckedAt     *time.Time    `json:"checked_at"` // nil: the service gave no answer
	Truncated     bool          `json:"truncated"`
	Associations  []association `json:"associations"`
	Reason        *reason       `json:"reason"` // nil unless unknown
	Notices       []notice      `json:"notices"`
	RayID         string        `json:"ray_id"`
}

type association struct {
	Service string `json:"service"`
	Status  string `json:"status"`
}

// notice is something that the service said beside the answer.
type notice struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// newAnswer decides through Usage and nothing else: what it calls unused is
// what the library calls unused.
func newAnswer(result api.AuditResult) answer {
	a := answer{
		AccountID:     result.Certificate.AccountID,
		CertificateID: result.Certificate.ID,
		Associations:  []association{},
		Notices:       []notice{},
	}
	switch result.Usage() {
	case api.InUse:
		a.Usage = usageInUse
	case api.Unused:
		a.Usage = usageUnused
	default:
		a.Usage = usageUnknown
		a.Reason = newReason(result)
	}
	if failed, ok := errors.AsType[*api.Error](result.Err); ok {
		a.RayID = failed.RayID
	}
	if list := result.List; list != nil {
		checked := list.ReceivedAt.UTC().Truncate(time.Millisecond)
		a.CheckedAt, a.Truncated, a.RayID = &checked, list.Truncated, list.RayID
		for _, each := range list.Associations {
			a.Associations = append(a.Associations, association(each))
		}
		for _, e := range list.Errors {
			a.Notices = append(a.Notices, notice{e.Code, e.Message})
		}
		for _, m := range list.Messages {
			a.Notices = append(a.Notices, notice{m.Code, m.Message})
		}
	}
	return a
}
