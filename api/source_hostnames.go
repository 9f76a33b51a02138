package api

import "fmt"

// Hostnames are associated with a CA certificate zone by zone, for API Shield and
// for client certificates:
// https://developers.cloudflare.com/api-shield/security/mtls/configure/. No
// operation lists the certificates of a zone, nor the zones of a certificate, so
// complete knowledge takes one request for each zone and CA.
//
// A response without a list of hostnames is a failure of that zone for that CA.
// Zones that the credentials cannot read are not seen; credentials that see none
// at all fail the source, unless [WithNoZones] says that the account has none.

// readZones lists the zones to ask.
func (v *inventory) readZones() findings {
	var f findings
	for zone, err := range v.client.zones(v.ctx, v.account, v.policy(), v.countPage) {
		if err != nil {
			f.fail(listZones, asError(err))
			v.judge(f.failure)
			break
		}
		v.zones = append(v.zones, zone)
	}
	if len(v.zones) == 0 && f.failure == nil {
		f.fail(listZones, &Error{operation: listZones.text, kinds: []error{ErrUnexpectedResponse}, note: "the credentials see no zone; say so if the account has none"})
		f.permission = listZones.Permission
	}
	return f
}

// zoneAnswer is what one zone said about a certificate.
type zoneAnswer struct {
	hostnames []string
	failure   *Error
	panicked  any
}

// askZones asks the zones about a CA, while no source names it. One request is
// always under way; others run beside it when there is room for them.
func (v *inventory) askZones(cert Certificate, e *Evidence) SourceResult {
	zones := v.findings[SourceHostnames]
	v.expect(len(v.zones))
	open := func() bool { return (v.config.allUses || len(e.Uses) == 0) && v.err() == nil }
	answers := make(chan zoneAnswer)
	var next, running, beside, answered int
	var failure *Error
	var panicked any
	for {
		for next < len(v.zones) && open() && panicked == nil && (running == 0 || v.speculate()) {
			go v.askZone(v.zones[next], cert, running > 0, answers)
			beside += min(running, 1)
			running++
			next++
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
		v.judge(a.failure)
		for _, name := range a.hostnames {
			e.Uses = append(e.Uses, Use{Source: SourceHostnames, Name: name})
		}
		// Requests that still run when a source names the certificate turn out to
		// be superfluous, and stay counted.
		for ; open() && beside > max(0, running-1); beside-- {
			v.speculated()
		}
	}
	resume(panicked)
	v.expect(next - len(v.zones))
	r := SourceResult{Source: SourceHostnames, State: SourceComplete, Scope: "hostnames of " + counted(answered, "zone")}
	if answered < len(v.zones) {
		r.Scope += fmt.Sprintf(" of %d", len(v.zones))
	}
	switch {
	case zones.failure != nil:
		r.State, r.Err, r.Permission = SourceFailed, zones.failure, zones.permission
	case failure != nil:
		r.State, r.Err, r.Permission = SourceFailed, failure, missingPermission(listHostnames, failure)
	case answered < len(v.zones):
		r.State = SourceLeftOut // the certificate is in use
	}
	return r
}

// speculate takes a slot for a request that another one under way may make
// superfluous. It fails when there is no free slot, and when as many requests as
// there are workers are under way in this way or turned out to be superfluous:
// an inventory makes no more requests than that beyond what the evidence needs.
func (v *inventory) speculate() bool {
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

// askZone asks one zone. taken says that the slot for the request is taken.
func (v *inventory) askZone(zone Zone, cert Certificate, taken bool, answers chan<- zoneAnswer) {
	var a zoneAnswer
	guard(func() {
		if !taken {
			v.slots <- struct{}{}
		}
		defer func() { <-v.slots }()
		a.hostnames, a.failure = v.client.hostnames(v.ctx, HostnamesRef{ZoneID: zone.ID, CertificateID: cert.Ref.ID}, v.policy())
	}, func(panicked any) { a.panicked = panicked })
	answers <- a
}
