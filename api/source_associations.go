package api

// readAssociations reads [SourceAssociations] for a certificate and adds its uses to e.
func (v *inventory) readAssociations(cert Certificate, e *Evidence) SourceResult {
	f := findings{source: SourceAssociations, operation: listAssociations, scope: "services that the API reports"}
	list, failure := v.associations(v.client, cert.Ref, v.policy())
	if failure != nil && failure.Is(ErrNotAsked) {
		v.expect(-1)
	}
	f.fail(failure)
	if list != nil {
		for _, a := range list.Associations {
			e.Uses = append(e.Uses, Use{Source: SourceAssociations, Name: a.Service, Status: a.Status})
		}
		f.fail(list.incomplete)
	}
	return f.result()
}
