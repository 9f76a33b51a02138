package api

import "fmt"

// maxRefusals is how many 403s of the API itself, without a success between them,
// end the asking for associations.
const maxRefusals = 3

// askAssociations asks the operation that names the services of a certificate. It
// sees the services that the vendor reports there; it is nowhere documented which
// these are.
func (v *inventory) askAssociations(cert Certificate, e *Evidence) {
	r := SourceResult{Source: SourceAssociations, State: SourceComplete, Scope: "services that the API reports"}
	var list *AssociationList
	failure := v.refusedAssociations()
	if failure == nil {
		list, failure = v.client.associations(v.ctx, cert.Ref, v.policy())
		v.noteRefusal(failure)
	} else {
		v.expect(-1)
	}
	if list != nil {
		for _, a := range list.Associations {
			e.Uses = append(e.Uses, Use{Source: SourceAssociations, Name: a.Service, Status: a.Status})
		}
		if err := list.incomplete(); err != nil {
			failure = asError(err)
		}
	}
	if failure != nil {
		r.State, r.Err, r.Permission = SourceFailed, failure, missingPermission(listAssociations, failure)
	}
	e.Sources = append(e.Sources, r)
}

// refusedAssociations is the failure of an operation that is not asked any more.
func (v *inventory) refusedAssociations() *Error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.refusals < maxRefusals {
		return nil
	}
	return &Error{operation: listAssociations.text, kinds: []error{ErrNotAsked, ErrForbidden},
		note: fmt.Sprintf("not asked: the API refused it %d times in a row", maxRefusals)}
}

func (v *inventory) noteRefusal(failure *Error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case failure == nil:
		v.refusals = 0
	case missingPermission(listAssociations, failure) != "":
		v.refusals++
	}
}
