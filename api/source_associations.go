package api

// askAssociations adds what [SourceAssociations] says about a certificate.
func (v *inventory) askAssociations(cert Certificate, e *Evidence) {
	r := SourceResult{Source: SourceAssociations, State: SourceComplete, Scope: "services that the API reports"}
	list, failure := v.associations(v.client, cert.Ref, v.policy())
	if failure != nil && failure.Is(ErrNotAsked) {
		v.expect(-1)
	}
	if list != nil {
		for _, a := range list.Associations {
			e.Uses = append(e.Uses, Use{Source: SourceAssociations, Name: a.Service, Status: a.Status})
		}
		failure = list.incomplete
	}
	if failure != nil {
		r.State, r.Err, r.Permission = SourceFailed, failure, missingPermission(listAssociations, failure)
	}
	e.Sources = append(e.Sources, r)
}
