package api

import "fmt"

// No operation lists the certificates of a zone, nor the zones of a certificate, so
// [SourceHostnames] takes one request for each zone and CA.

func readZones(v *inventory, f *findings) {
	f.operation = listZones
	for zone, err := range v.client.zones(v.ctx, v.account, v.pagesPolicy()) {
		if err != nil {
			f.fail(asError(err))
			break
		}
		v.zones = append(v.zones, zone)
	}
	if len(v.zones) == 0 && f.failure == nil && !v.config.noZones {
		f.incomplete(fmt.Sprintf("the credentials see no zone and may lack %q; if there is none, use WithNoZones", listZones.Permission))
		f.permission = listZones.Permission
	}
}

type zoneResult struct {
	hostnames []string
	failure   *Error
	panicked  any
}

// readHostnames reads the hostnames of a CA, zone by zone, and adds the uses to e. It
// stops when a source names the CA, unless all uses are wanted. While a request is in
// flight, free slots are used for further zones.
func (v *inventory) readHostnames(cert Certificate, e *Evidence) SourceResult {
	f := v.findings[SourceHostnames]
	if err := validateStoredID("the certificate's id", cert.Ref.ID); err != nil && len(v.zones) > 0 {
		f.operation = listHostnames
		f.incomplete(err.Error())
		return f.result()
	}
	v.expect(len(v.zones))
	open := func() bool { return (v.config.allUses || len(e.Uses) == 0) && v.err() == nil }
	var pending []<-chan zoneResult // in the order of the zones
	var requested, complete int
	var panicked any
	for {
		for requested < len(v.zones) && open() && panicked == nil && v.takeSlot(len(pending) > 0) {
			pending = append(pending, v.readZone(v.zones[requested], cert))
			requested++
		}
		if len(pending) == 0 {
			break
		}
		result := <-pending[0]
		pending = pending[1:]
		switch {
		case result.panicked != nil:
			panicked = result.panicked
		case result.failure == nil:
			complete++
		default:
			f.fail(result.failure)
		}
		for _, name := range result.hostnames {
			e.Uses = append(e.Uses, Use{Source: SourceHostnames, Name: name})
		}
		// Requests for zones after one that names the certificate were unnecessary, and
		// stay counted in v.speculative.
		if len(pending) > 0 && open() {
			<-v.speculative
		}
	}
	resume(panicked)
	v.expect(requested - len(v.zones))
	f.scope = "hostnames of " + pluralize(complete, "zone")
	switch {
	case len(v.zones) == 0 && v.config.noZones:
		f.scope = "no zones, as the caller says"
	case complete < len(v.zones):
		f.scope += fmt.Sprintf(" of %d", len(v.zones))
	}
	r := f.result()
	if r.State == SourceComplete && complete < len(v.zones) {
		r.State = SourceLeftOut // the certificate is in use
	}
	return r
}

// takeSlot takes a slot for a request and reports whether it has one. A speculative
// request, which an earlier one in flight may make unnecessary, does not wait for a
// slot. v.speculative limits how many are in flight or were unnecessary.
func (v *inventory) takeSlot(speculative bool) bool {
	if !speculative {
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

// readZone reads the hostnames of one zone. The caller has taken a slot for the
// request.
func (v *inventory) readZone(zone Zone, cert Certificate) <-chan zoneResult {
	out := make(chan zoneResult, 1)
	var r zoneResult
	go guard(func() {
		policy := v.policy()
		policy.begin = nil // it has a slot
		r.hostnames, r.failure = v.client.hostnames(v.ctx, HostnamesRef{ZoneID: zone.ID, CertificateID: cert.Ref.ID}, policy)
	}, func(panicked any) {
		r.panicked = panicked
		out <- r // here, because nothing runs after a Goexit
	})
	return out
}
