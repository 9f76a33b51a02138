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
func (v *inventory) readZones() findings {
	f := findings{source: SourceHostnames, operation: listZones}
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
	return f
}

// zoneAnswer is what one zone said about a certificate.
type zoneAnswer struct {
	zone      int
	hostnames []string
	failure   *Error
	panicked  any
}

// askZones asks the zones about a CA, in their order, while no source names it.
// The first zone that has not answered is asked in any case, further ones beside
// it when there is room for them.
func (v *inventory) askZones(cert Certificate, e *Evidence) SourceResult {
	f := v.findings[SourceHostnames]
	if err := validateStoredID("the certificate's id", cert.Ref.ID); err != nil && len(v.zones) > 0 {
		f.operation = listHostnames
		f.incomplete(err.Error())
		return f.result()
	}
	v.expect(len(v.zones))
	open := func() bool { return (v.config.allUses || len(e.Uses) == 0) && v.err() == nil }
	answers := make(chan zoneAnswer)
	// passed marks the zones after whose answer the next one is asked; all zones
	// before first are passed.
	passed := make([]bool, len(v.zones))
	var asked, running, first, beside, answered int
	var failure *Error
	var panicked any
	for {
		for asked < len(v.zones) && open() && panicked == nil && v.takeSlot(running > 0) {
			go v.askZone(asked, cert, answers)
			beside += min(running, 1)
			running++
			asked++
		}
		if running == 0 {
			break
		}
		a := <-answers
		running--
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
		passed[a.zone] = v.config.allUses || len(a.hostnames) == 0
		for first < asked && passed[first] {
			first++
		}
		// Requests after a zone that names the certificate were superfluous, and
		// stay counted.
		for ; beside > max(0, asked-first-1); beside-- {
			v.speculated()
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
	case v.slots <- struct{}{}:
	default:
		return false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.speculative == v.config.concurrency {
		<-v.slots
		return false
	}
	v.speculative++
	return true
}

// speculated notes that a request was needed after all.
func (v *inventory) speculated() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.speculative--
}

// askZone asks one zone. A slot is taken for the request.
func (v *inventory) askZone(zone int, cert Certificate, answers chan<- zoneAnswer) {
	a := zoneAnswer{zone: zone}
	guard(func() {
		ref := HostnamesRef{ZoneID: v.zones[zone].ID, CertificateID: cert.Ref.ID}
		a.hostnames, a.failure = v.client.hostnames(v.ctx, ref, v.policyWithSlot())
	}, func(panicked any) {
		a.panicked = panicked
		answers <- a // here, because nothing runs after a Goexit
	})
}
