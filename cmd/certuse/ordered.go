package main

import "github.com/certuse/cloudflare-mtls/api"

// ordered prints answers in the order in which the certificates were named. It
// holds them all, which is right for the arguments of a command line.
type ordered struct {
	printer
	position map[api.CertificateRef]int
	answers  []answer
}

func newOrdered(next printer, in *input) (*ordered, error) {
	o := &ordered{printer: next, position: make(map[api.CertificateRef]int), answers: make([]answer, in.total)}
	refs, failure := in.refs.all()
	for ref := range refs {
		o.position[ref] = len(o.position)
	}
	return o, failure()
}

func (o *ordered) print(a answer) error {
	o.answers[o.position[api.CertificateRef{AccountID: a.AccountID, ID: a.CertificateID}]] = a
	return nil
}

func (o *ordered) finish(s summary) error {
	for _, a := range o.answers {
		if a.Usage == "" {
			continue // no answer came; the caller counts them and says so
		}
		if err := o.printer.print(a); err != nil {
			return err
		}
	}
	return o.printer.finish(s)
}
