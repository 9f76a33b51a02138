package api

import (
	"encoding/json"
	"errors"
	"time"
)

// DeletionState is what became of a certificate that was to be deleted.
type DeletionState string

// The states of a deletion.
const (
	// DeletionKept: this call did not delete the certificate.
	DeletionKept DeletionState = "kept"
	// DeletionDone: the API had the certificate and now says that it is gone.
	DeletionDone DeletionState = "deleted"
	// DeletionUnknown: the deletion was asked for, and nothing shows its outcome.
	DeletionUnknown DeletionState = "unknown"
)

// Deletion is the record of one call of [Client.DeleteUnused]. It belongs to its
// caller.
type Deletion struct {
	// Certificate is the certificate as it was before.
	Certificate Certificate
	// Evidence is what the sources said right before the deletion; after a refusal
	// by the API, what they said then, if they could be asked once more.
	Evidence *Evidence
	State    DeletionState
	// AlreadyGone reports that the API refused the deletion of a certificate that no
	// longer existed. Somebody else has deleted it, or an earlier attempt of this
	// call, to which no response came.
	AlreadyGone bool
	// DeletedAt is when the API said that the certificate was gone, by the local
	// clock. It is zero in every other state than DeletionDone.
	DeletedAt time.Time
	// RayID is the vendor's id of the exchange that asked for the deletion.
	RayID string
}

// deletionJSON is the form of a deletion in JSON.
type deletionJSON struct {
	State       DeletionState `json:"state"`
	AlreadyGone bool          `json:"already_gone"`
	DeletedAt   time.Time     `json:"deleted_at,omitzero"`
	RayID       string        `json:"ray_id,omitempty"`
}

// MarshalJSON gives the fields in one object with those of [InventoryItem].
func (d Deletion) MarshalJSON() ([]byte, error) {
	item := InventoryItem{Certificate: d.Certificate}
	if d.Evidence != nil {
		item.Evidence = *d.Evidence
	}
	return json.Marshal(struct {
		itemJSON
		deletionJSON
	}{item.json(), deletionJSON{d.State, d.AlreadyGone, d.DeletedAt.UTC().Truncate(time.Second), d.RayID}})
}

// UnmarshalJSON replaces the whole record. As for an [InventoryItem], evidence that
// was read from JSON proves nothing.
func (d *Deletion) UnmarshalJSON(text []byte) error {
	*d = Deletion{}
	var item InventoryItem
	var in deletionJSON
	if err := errors.Join(json.Unmarshal(text, &item), json.Unmarshal(text, &in)); err != nil {
		return err
	}
	*d = Deletion{item.Certificate, &item.Evidence, in.State, in.AlreadyGone, in.DeletedAt, in.RayID}
	return nil
}
