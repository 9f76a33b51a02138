package api

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Source is a part of the API that can name certificates of the store.
type Source string

// The sources, in the order in which evidence lists them.
const (
	// SourceAssociations is the list of the services that use a certificate. The vendor
	// does not document which services it covers.
	SourceAssociations Source = "associations"
	// SourceHostnames has the hostnames that a zone associates with a CA, for API Shield
	// and client certificates:
	// https://developers.cloudflare.com/api-shield/security/mtls/configure/. It takes one
	// request for each zone and CA. It does not cover zones that the credentials cannot
	// read. If the credentials can read no zone, the source fails, unless [WithNoZones] is
	// set.
	SourceHostnames Source = "hostnames"
	// SourceWorkers has the bindings of type mtls_certificate of all Workers:
	// https://developers.cloudflare.com/workers/runtime-apis/bindings/mtls/. It covers
	// the current settings. It does not cover Workers in dispatch namespaces, or older
	// versions of a Worker that a gradual deployment may still run.
	SourceWorkers Source = "workers"
	// SourcePages has the mTLS certificates that Pages projects bind:
	// https://developers.cloudflare.com/pages/functions/bindings/#mtls-certificates. It
	// covers the current settings for production and preview. It does not cover the
	// settings of earlier deployments.
	SourcePages Source = "pages"
	// SourceHyperdrive has the CA certificate and the client certificate of each
	// Hyperdrive configuration:
	// https://developers.cloudflare.com/hyperdrive/configuration/tls-ssl-certificates-for-hyperdrive/.
	SourceHyperdrive Source = "hyperdrive"
	// SourceGateway has the certificate that Gateway uses to inspect TLS:
	// https://developers.cloudflare.com/cloudflare-one/team-and-resources/devices/user-side-certificates/custom-certificate/.
	SourceGateway Source = "gateway"
	// SourcePosture has the CA certificates that device posture rules trust:
	// https://developers.cloudflare.com/cloudflare-one/reusable-components/posture-checks/client-checks/client-certificate/.
	SourcePosture Source = "posture"
)

// AllSources returns all sources, in their order.
func AllSources() []Source { return slices.Clone(sources) }

var sources = []Source{SourceAssociations, SourceHostnames, SourceWorkers, SourcePages, SourceHyperdrive, SourceGateway, SourcePosture}

// position returns the position of the source in evidence.
func (s Source) position() int { return slices.Index(sources, s) }

// Use is one reference to a certificate.
type Use struct {
	Source Source `json:"source"`
	// Name is the name of the user: a service, hostname, Worker, Pages project,
	// Hyperdrive configuration or posture rule; "TLS inspection" for Gateway. For a
	// configuration or rule without a name, it is the id.
	Name string `json:"name"`
	// Status is the state of an association; other sources have none.
	Status string `json:"status,omitempty"`
}

// SourceState is the result of reading a source.
type SourceState string

// The states of a source.
const (
	// SourceComplete means that the source was read in full.
	SourceComplete SourceState = "complete"
	// SourceFailed means that the source was not read, or not in full, because of an
	// error.
	SourceFailed SourceState = "failed"
	// SourceLeftOut means that the source was not read, or not in full, because
	// [WithSources] excludes it or the certificate was known to be in use.
	SourceLeftOut SourceState = "left_out"
	// SourceNotApplicable means that the source can name only certificates of the other
	// kind, CA or leaf, and does not name this one.
	SourceNotApplicable SourceState = "not_applicable"
)

// SourceResult is the result of one source.
type SourceResult struct {
	Source Source
	State  SourceState
	// Scope describes what was read, for example "hostnames of 3 zones".
	Scope string
	// Permission is the vendor's name of the missing permission that made the source
	// fail, or empty.
	Permission string
	// Err is the error of a source that failed, an [*Error], or nil.
	Err error
}

type sourceResultJSON struct {
	Source     Source      `json:"source"`
	State      SourceState `json:"state"`
	Scope      string      `json:"scope,omitempty"`
	Permission string      `json:"missing_permission,omitempty"`
	Error      string      `json:"error,omitempty"`
}

// MarshalJSON returns the fields, with the text of the error.
func (r SourceResult) MarshalJSON() ([]byte, error) {
	return json.Marshal(sourceResultJSON{r.Source, r.State, r.Scope, r.Permission, errorText(r.Err)})
}

// UnmarshalJSON replaces the whole result. Its Err has only the text of the error.
func (r *SourceResult) UnmarshalJSON(text []byte) error {
	return unmarshal(text, r, func(in sourceResultJSON) SourceResult {
		return SourceResult{Source: in.Source, State: in.State, Scope: in.Scope, Permission: in.Permission, Err: errorFromText(in.Error)}
	})
}

// Evidence is the result of every source for one certificate. [Evidence.Usage] returns
// the conclusion.
//
// It belongs to its caller and is safe for concurrent reading.
type Evidence struct {
	// Uses are the references that were found, in the order of [AllSources] and then of
	// their names.
	Uses []Use `json:"uses"`
	// Sources has one element for each source.
	Sources []SourceResult `json:"sources"`
	// StartedAt is when the first request was made, and GatheredAt when the last source
	// had been read, by the local clock. The sources of the account are read first, so
	// their results may be as old as StartedAt. GatheredAt is zero if an error ended the
	// inventory before that.
	StartedAt  time.Time `json:"started_at,omitzero"`
	GatheredAt time.Time `json:"gathered_at,omitzero"`

	// proven is the usage that the sources proved. Only this package can set it, so
	// evidence made by the caller proves nothing.
	proven Usage
	// unreadable is the error of reading the certificate, or the one that ended the
	// inventory before all sources were read.
	unreadable *Error
}

// Usage returns what the evidence proves:
//
//   - [InUse]: a source names the certificate; the others may have failed.
//   - [Unused]: every source that applies and that [WithSources] does not exclude was
//     read in full, and none names the certificate.
//   - [UsageUnknown]: everything else, including nil, and evidence that was made by the
//     caller or read from JSON.
//
// Changing the fields of evidence never turns it into Unused.
func (e *Evidence) Usage() Usage {
	if e == nil || e.proven == Unused && e.conclude() != Unused {
		return UsageUnknown
	}
	return e.proven
}

// UnmarshalJSON replaces the whole evidence.
func (e *Evidence) UnmarshalJSON(text []byte) error {
	return unmarshal(text, e, func(in evidenceJSON) Evidence { return Evidence(in) })
}

// evidenceJSON is evidence without its methods.
type evidenceJSON Evidence

// String returns the usage with the number of uses or, if it is unknown, with the
// missing permissions and the errors of the sources.
func (e Evidence) String() string {
	usage, details := e.Usage(), pluralize(len(e.Uses), "use")
	if usage == UsageUnknown {
		details = cmp.Or(e.failures(), details)
	}
	return fmt.Sprintf("%v: %s", usage, details)
}

// conclude returns the usage that the exported fields show.
func (e *Evidence) conclude() Usage {
	if len(e.Uses) > 0 {
		return InUse
	}
	complete := 0
	for _, r := range e.Sources {
		switch r.State {
		case SourceComplete:
			complete++
		case SourceLeftOut, SourceNotApplicable:
		default:
			return UsageUnknown
		}
	}
	if complete == 0 || len(e.Sources) != len(sources) {
		return UsageUnknown
	}
	return Unused
}

// refusal returns [ErrInUse] or [ErrUsageUnknown], with a note, unless the evidence
// shows that the certificate is unused.
func (e *Evidence) refusal() (note string, kind error) {
	switch {
	case e == nil:
		return "there is no evidence", ErrUsageUnknown
	case e.Usage() == Unused:
		return "", nil
	case e.Usage() == InUse:
		var users []string
		for _, use := range e.Uses {
			users = append(users, string(use.Source)+" "+use.Name)
		}
		return "used by " + strings.Join(users, ", "), ErrInUse
	}
	return "usage unknown: " + cmp.Or(e.failures(), "no source that was read applies"), ErrUsageUnknown
}

// failures returns the missing permissions and the errors of the sources, or "". The
// permissions are first, because the text may be shortened.
func (e *Evidence) failures() string {
	var permissions, failures []string
	for _, r := range e.Sources {
		failure := asError(r.Err)
		if permission := failure.missingPermission(); permission != "" {
			permissions = append(permissions, fmt.Sprintf("%s needs the permission %q", r.Source, permission))
		} else if failure != nil {
			failures = append(failures, string(r.Source)+": "+cmp.Or(failure.note, failure.Error()))
		}
	}
	return strings.Join(append(permissions, failures...), ", ")
}

// InventoryItem is one certificate of an account with the evidence about it.
type InventoryItem struct {
	Certificate Certificate
	Evidence    Evidence
}

// String returns the certificate's id and a summary of the evidence.
func (i InventoryItem) String() string {
	return fmt.Sprintf("%s: %v", i.Certificate.Ref.ID, i.Evidence)
}

// MarshalJSON returns the fields of the certificate, the usage as text, the uses and
// the sources in one object. Times have whole seconds.
func (i InventoryItem) MarshalJSON() ([]byte, error) { return json.Marshal(i.json()) }

type itemJSON struct {
	certificateJSON
	Usage Usage `json:"usage"`
	evidenceJSON
}

func (i *InventoryItem) json() itemJSON {
	e := evidenceJSON(i.Evidence)
	e.Uses, e.Sources = append([]Use{}, e.Uses...), append([]SourceResult{}, e.Sources...)
	e.StartedAt, e.GatheredAt = e.StartedAt.UTC().Truncate(time.Second), e.GatheredAt.UTC().Truncate(time.Second)
	return itemJSON{i.Certificate.json(), i.Evidence.Usage(), e}
}

// UnmarshalJSON replaces the whole item.
func (i *InventoryItem) UnmarshalJSON(text []byte) error {
	return unmarshal(text, i, itemFields.item)
}

// itemFields are the fields of itemJSON that are read.
type itemFields struct {
	certificateJSON
	evidenceJSON
}

func (in itemFields) item() InventoryItem {
	return InventoryItem{in.certificate(), Evidence(in.evidenceJSON)}
}
