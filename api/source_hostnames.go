package api

import "fmt"

// No operation lists the certificates of a zone, nor the zones of a certificate, so
// [SourceHostnames] takes one request for each zone and CA. A response without a list
// of hostnames is a failure of that zone for that CA. The zones are asked with
// the id that the API gave for the CA; one in another form than HostnamesRef requires
// is a failure. Zones that the credentials cannot read are not seen; credentials that
// see none at all fail the source, unless [WithNoZones] says that the account has none.
// Zones that are seen are asked in any case.

// readZones lists the zones to ask.
func readZones(v *inventory, f *findings) {
	f.operation = listZones
	for zone, err := range v.client.zones(v.ctx, v.account, v.policy(), v.countPages()) {
		if err != nil {
			f.fail(asError(err))
			break
		}
		v.zones = append(v.zones, zone)
	}
	if len(v.zones) == 0 && f.failure == nil && !v.config.noZones {
		f.incomplete("the credentials see no zone; if the account has none, use WithNoZones or WithDeleteNoZones")
		f.permission = listZones.Permission
	}
}

// zoneAnswer is what one zone said about a certificate.
type zoneAnswer struct {
	hostnames []string
	failure   *Error
	panicked  any
}

// askZones asks the zones about a CA, in their order, while no source names it.
// Further zones are asked beside the first that has not answered when there is room
// for them.
func (v *inventory) askZones(cert Certificate, e *Evidence) SourceResult {
	f := v.findings[SourceHostnames]
	if err := validateStoredID("the certificate's id", cert.Ref.ID); err != nil && len(v.zones) > 0 {
		f.operation = listHostnames
		f.incomplete(err.Error())
		return f.result()
	}
	v.expect(len(v.zones))
	open := func() bool { return (v.config.allUses || len(e.Uses) == 0) && v.err() == nil }
	var pending []<-chan zoneAnswer // in the order of the zones
	var asked, answered int
	var failure *Error
	var panicked any
	for {
		for asked < len(v.zones) && open() && panicked == nil && v.takeSlot(len(pending) > 0) {
			pending = append(pending, v.askZone(v.zones[asked], cert))
			asked++
		}
		if len(pending) == 0 {
			break
		}
		a := <-pending[0]
		pending = pending[1:]
		switch {
		case a.panicked != nil:
			panicked = a.panicked
		case a.failure == nil:
			answered++
		case failure == nil:
			failure = a.failure
		}
		for _, name := range a.hostnames {
			e.Uses = append(e.Uses, Use{Source: SourceHostnames, Name: name})
		}
		// Requests after a zone that names the certificate were superfluous, and
		// stay counted.
		if len(pending) > 0 && open() {
			<-v.speculative
		}
	}
	resume(panicked)
	v.expect(asked - len(v.zones))
	f.operation = listHostnames
	f.fail(failure)
	f.scope = "hostnames of " + counted(answered, "zone")
	switch {
	case len(v.zones) == 0 && v.config.noZones:
		f.scope = "no zones, as the caller says"
	case answered < len(v.zones):
		f.scope += fmt.Sprintf(" of %d", len(v.zones))
	}
	r := f.result()
	if r.State == SourceComplete && answered < len(v.zones) {
		r.State = SourceLeftOut // the certificate is in use
	}
	return r
}

// takeSlot takes a slot for a request. One that an earlier one under way may make
// superfluous gets none when no slot is free, and when as many requests as there are
// workers are under way in this way or turned out to be superfluous: an inventory
// makes no more requests than that beyond those that it would make one after another.
func (v *inventory) takeSlot(isSpeculative bool) bool {
	if !isSpeculative {
		v.slots <- struct{}{}
		return true
	}
	select {
	case v.speculative <- struct{}{}:
	default:
		return false
	}
	select {
	case v.slots <- struct{}{}:
		return true
	default:
		<-v.speculative
		return false
	}
}

// askZone asks one zone. A slot is taken for the request.
func (v *inventory) askZone(zone Zone, cert Certificate) <-chan zoneAnswer {
	answer := make(chan zoneAnswer, 1)
	var a zoneAnswer
	go guard(func() {
		ref := HostnamesRef{ZoneID: zone.ID, CertificateID: cert.Ref.ID}
		a.hostnames, a.failure = v.client.hostnames(v.ctx, ref, v.policyWithSlot())
	}, func(panicked any) {
		a.panicked = panicked
		answer <- a // here, because nothing runs after a Goexit
	})
	return answer
}
