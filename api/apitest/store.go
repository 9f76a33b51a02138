package apitest

import (
	"cmp"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/generated"
)

// Certificate describes a certificate of the store. Zero fields are left out of
// answers, except that Type is then "custom" and that PEM fills the others: CA as
// well if PEM is one.
type Certificate struct {
	Name, Type                               string
	CA                                       bool
	PEM                                      string
	Issuer, SerialNumber, SignatureAlgorithm string
	UploadedOn, ExpiresOn                    time.Time
}

// Zone is a zone of an account. A zero Status is "active".
type Zone struct{ ID, Name, Status string }

// Worker is a script with its mTLS bindings: certificate ids by the names of the
// bindings.
type Worker struct {
	Name         string
	Certificates map[string]string
}

// PagesProject is a project with the mTLS bindings of each environment:
// certificate ids by the names of the bindings.
type PagesProject struct {
	Name                string
	Production, Preview map[string]string
}

// HyperdriveConfig is a configuration with the ids of its certificates, or none.
type HyperdriveConfig struct{ ID, Name, CACertificateID, CertificateID string }

// Gateway is the Gateway configuration of an account. CustomCertificateID is the
// deprecated setting.
type Gateway struct{ CertificateID, CustomCertificateID string }

// PostureRule is a device posture rule. A zero Type is "client_certificate".
type PostureRule struct{ ID, Name, Type, CertificateID string }

// place is where the store keeps what an operation answers with.
type place struct {
	operation     string
	account, zone string
	name          string // of the certificate or script that the operation is about
}

// entry is one item of a result.
type entry struct {
	key   string // of an item that takes the place of another
	value any
}

type object = map[string]any

// AddAccount makes an account known that has nothing yet. All other methods that
// take an account make it known as well.
func (s *Server) AddAccount(accountID string) error {
	if err := checkID(accountID); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accounts[accountID] = true
	return nil
}

// AddCertificate puts a certificate into the store. Like all Add methods, it
// replaces what the account has by the same id or name, and fails for ids that a
// client refuses to send and for values that break the contract.
func (s *Server) AddCertificate(cert api.CertificateRef, details Certificate) error {
	if err := cert.Validate(); err != nil {
		return err
	}
	described, err := details.describe(cert.ID)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if details.PEM != "" {
		s.ids[digest(cert.AccountID, details.PEM)] = cert.ID
	}
	return s.put(place{operation: opCertificates, account: cert.AccountID}, cert.ID, described)
}

// SetAssociations gives a certificate these associations and no others. A
// certificate that the store does not have is added to it.
func (s *Server) SetAssociations(cert api.CertificateRef, associations ...api.Association) error {
	if err := errors.Join(cert.Validate(), Associations(associations...).checkFor(Target{Operation: opAssociations})); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.certificate(cert.AccountID, cert.ID); !known {
		described, _ := Certificate{}.describe(cert.ID) // fails for a PEM text
		if err := s.put(place{operation: opCertificates, account: cert.AccountID}, cert.ID, described); err != nil {
			return err
		}
	}
	entries := make([]entry, len(associations))
	for i, association := range associations {
		entries[i].value = row(association)
	}
	s.store[place{operation: opAssociations, account: cert.AccountID, name: cert.ID}] = entries
	return nil
}

// AddZone adds a zone to an account.
func (s *Server) AddZone(accountID string, zone Zone) error {
	if zone.Status == "" {
		zone.Status = "active"
	}
	return s.add(opZones, accountID, "", zone.ID, generated.Zone(zone))
}

// SetHostnames gives a zone these hostnames of a CA certificate and no others. An
// empty certificate id means the CA that the vendor manages for the zone. The zone
// must have been added.
func (s *Server) SetHostnames(zoneID, certificateID string, hostnames ...string) error {
	if err := jsonResult(object{"hostnames": append([]string{}, hostnames...)}).checkFor(Target{Operation: opHostnames}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	account, known := s.accountOf(zoneID)
	if !known {
		return fmt.Errorf("apitest: no zone %q was added", zoneID)
	}
	entries := make([]entry, len(hostnames))
	for i, hostname := range hostnames {
		entries[i].value = hostname
	}
	s.store[place{operation: opHostnames, account: account, zone: zoneID, name: certificateID}] = entries
	return nil
}

// AddWorker adds a Workers script to an account.
func (s *Server) AddWorker(accountID string, worker Worker) error {
	bindings := []any{}
	for _, name := range slices.Sorted(maps.Keys(worker.Certificates)) {
		bindings = append(bindings, object{"type": "mtls_certificate", "name": name, "certificate_id": worker.Certificates[name]})
	}
	if err := s.add(opWorkerSettings, accountID, worker.Name, worker.Name, object{"bindings": bindings}); err != nil {
		return err
	}
	return s.add(opWorkers, accountID, "", worker.Name, object{"id": worker.Name})
}

// AddPagesProject adds a Pages project to an account.
func (s *Server) AddPagesProject(accountID string, project PagesProject) error {
	environment := func(certificates map[string]string) object {
		bindings := object{}
		for name, id := range certificates {
			bindings[name] = object{"certificate_id": id}
		}
		return object{"mtls_certificates": bindings}
	}
	return s.add(opPagesProjects, accountID, "", project.Name, object{
		"name":               project.Name,
		"deployment_configs": object{"production": environment(project.Production), "preview": environment(project.Preview)},
	})
}

// AddHyperdriveConfig adds a Hyperdrive configuration to an account.
func (s *Server) AddHyperdriveConfig(accountID string, config HyperdriveConfig) error {
	return s.add(opHyperdriveConfigs, accountID, "", config.ID, generated.HyperdriveConfig{
		ID: config.ID, Name: config.Name,
		MTLS: generated.HyperdriveMTLS{CaCertificateID: config.CACertificateID, MTLSCertificateID: config.CertificateID},
	})
}

// SetGateway sets the Gateway configuration of an account.
func (s *Server) SetGateway(accountID string, gateway Gateway) error {
	settings := object{"certificate": nil, "custom_certificate": nil}
	if gateway.CertificateID != "" {
		settings["certificate"] = object{"id": gateway.CertificateID, "in_use": true}
	}
	if gateway.CustomCertificateID != "" {
		settings["custom_certificate"] = object{"id": gateway.CustomCertificateID, "enabled": true}
	}
	return s.add(opGateway, accountID, "", opGateway, object{"settings": settings})
}

// AddPostureRule adds a device posture rule to an account.
func (s *Server) AddPostureRule(accountID string, rule PostureRule) error {
	if rule.Type == "" {
		rule.Type = "client_certificate"
	}
	input := object{}
	if rule.CertificateID != "" {
		input["certificate_id"] = rule.CertificateID
	}
	return s.add(opPostureRules, accountID, "", rule.ID, object{"id": rule.ID, "name": rule.Name, "type": rule.Type, "input": input})
}

func (s *Server) add(operation, account, name, key string, value any) error {
	if err := errors.Join(checkID(account), checkID(key)); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.put(place{operation: operation, account: account, name: name}, key, value)
}

// checkID refuses ids that a client refuses to send.
func checkID(id string) error { return api.CertificateRef{AccountID: "a", ID: id}.Validate() }

// put keeps a value, unless the operation's answer with it would break the
// contract.
func (s *Server) put(p place, key string, value any) error {
	before, known := s.store[p], s.accounts[p.account]
	s.store[p], s.accounts[p.account] = []entry{{key, value}}, true
	c := call{op: s.doc.Operation(p.operation), params: map[string]string{"account_id": p.account, "script_name": p.name}}
	if _, err := handler(p.operation)(s, c).completed(c.op); err != nil {
		s.store[p], s.accounts[p.account] = before, known
		return err
	}
	if i := slices.IndexFunc(before, func(e entry) bool { return e.key == key }); i >= 0 {
		before = slices.Delete(slices.Clone(before), i, i+1)
		s.store[p] = slices.Insert(before, i, entry{key, value})
		return nil
	}
	s.store[p] = append(before[:len(before):len(before)], entry{key, value})
	return nil
}

// certificate finds a certificate of the store.
func (s *Server) certificate(account, id string) (generated.Certificate, bool) {
	for _, e := range s.store[place{operation: opCertificates, account: account}] {
		if e.key == id {
			found, ok := e.value.(generated.Certificate)
			return found, ok
		}
	}
	return generated.Certificate{}, false
}

// accountOf finds the account of a zone.
func (s *Server) accountOf(zone string) (account string, known bool) {
	for p, entries := range s.store {
		if p.operation == opZones && slices.ContainsFunc(entries, func(e entry) bool { return e.key == zone }) {
			return p.account, true
		}
	}
	return "", false
}

// describe writes the certificate as answers have it.
func (c Certificate) describe(id string) (generated.Certificate, error) {
	if c.PEM != "" {
		block, _ := pem.Decode([]byte(c.PEM))
		if block == nil || block.Type != "CERTIFICATE" {
			return generated.Certificate{}, errors.New("apitest: the PEM text does not begin with a certificate")
		}
		parsed, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return generated.Certificate{}, fmt.Errorf("apitest: the PEM text: %w", err)
		}
		c.CA = c.CA || parsed.IsCA
		c.Issuer = cmp.Or(c.Issuer, parsed.Issuer.String())
		c.SerialNumber = cmp.Or(c.SerialNumber, parsed.SerialNumber.String())
		c.SignatureAlgorithm = cmp.Or(c.SignatureAlgorithm, parsed.SignatureAlgorithm.String())
		if c.ExpiresOn.IsZero() {
			c.ExpiresOn = parsed.NotAfter
		}
	}
	timestamp := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format("2006-01-02T15:04:05.999999Z07:00")
	}
	return generated.Certificate{
		ID: id, Name: c.Name, Type: cmp.Or(c.Type, "custom"), Ca: &c.CA, Certificates: c.PEM,
		Issuer: c.Issuer, SerialNumber: c.SerialNumber, Signature: c.SignatureAlgorithm,
		UploadedOn: timestamp(c.UploadedOn), ExpiresOn: timestamp(c.ExpiresOn),
	}, nil
}
