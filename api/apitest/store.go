package apitest

import (
	"cmp"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/internal/apispec"
	"github.com/certuse/cloudflare-mtls/generated"
)

// Certificate describes a certificate of the store. A zero Type is "custom". If PEM is
// set, a zero CA, Issuer, SerialNumber, SignatureAlgorithm or ExpiresOn is read from
// it. Responses leave out the fields that are still zero, except CA.
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

// HyperdriveConfig is a Hyperdrive configuration. The ids of its certificates may be
// empty.
type HyperdriveConfig struct{ ID, Name, CACertificateID, CertificateID string }

// Gateway is the Gateway configuration of an account. CustomCertificateID is the
// deprecated setting.
type Gateway struct{ CertificateID, CustomCertificateID string }

// PostureRule is a device posture rule. A zero Type is "client_certificate".
type PostureRule struct{ ID, Name, Type, CertificateID string }

// entry is an item of a list, or the result of an operation for one object.
type entry struct {
	account, key string // identify the entry
	value        any
	filter       map[string]string // values for filters, by query parameter
}

type object = map[string]any

// AddAccount adds an empty account, unless it exists. Other methods add the account
// that they are given.
func (s *Server) AddAccount(accountID string) error {
	if err := checkIDs(accountID, accountID); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addAccount(accountID)
	return nil
}

// addAccount adds an account that has a Gateway configuration without settings.
func (s *Server) addAccount(account string) {
	if !s.hasAccount(account) {
		s.store[opGateway] = append(s.store[opGateway], entry{account: account, key: account, value: object{"settings": object{}}})
	}
}

func (s *Server) hasAccount(account string) bool { return s.find(opGateway, account, account) != nil }

// AddCertificate adds a certificate to the store. Like all Add methods except
// AddAccount, it replaces an entry of the account with the same id or name. Like all,
// it fails for ids that a client refuses to send and for values that break the
// contract.
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
	return s.putCertificate(cert.AccountID, described)
}

func (s *Server) putCertificate(account string, cert generated.Certificate) error {
	return s.put(opCertificates, entry{account, cert.ID, cert, map[string]string{"type": cert.Type}})
}

// SetAssociations sets the associations of a certificate. It adds the certificate if
// the store does not have it.
func (s *Server) SetAssociations(cert api.CertificateRef, associations ...api.Association) error {
	if err := errors.Join(cert.Validate(), s.checkResponse(opAssociations, Associations(associations...))); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.certificate(cert) == nil {
		described, _ := Certificate{}.describe(cert.ID) // fails only for a PEM text
		if err := s.putCertificate(cert.AccountID, described); err != nil {
			return err
		}
	}
	s.associations[cert] = slices.Clone(associations)
	return nil
}

// AddZone adds a zone to an account.
func (s *Server) AddZone(accountID string, zone Zone) error {
	zone.Status = cmp.Or(zone.Status, "active")
	return s.add(opZones, entry{accountID, zone.ID, generated.Zone(zone), map[string]string{
		"account.id": accountID, "name": zone.Name, "status": zone.Status,
	}})
}

// SetHostnames sets the hostnames of a zone for a CA certificate. An empty certificate
// id means the CA that the vendor manages for the zone. The zone must exist.
func (s *Server) SetHostnames(zoneID, certificateID string, hostnames ...string) error {
	if err := errors.Join(checkIDs(zoneID, cmp.Or(certificateID, zoneID)), s.checkResponse(opHostnames, jsonResult(object{"hostnames": hostnames}))); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.accountOf(zoneID); !known {
		return fmt.Errorf("apitest: there is no zone %q", zoneID)
	}
	s.hostnames[api.HostnamesRef{ZoneID: zoneID, CertificateID: certificateID}] = append([]string{}, hostnames...)
	return nil
}

// AddWorker adds a Workers script to an account.
func (s *Server) AddWorker(accountID string, worker Worker) error {
	bindings := []any{}
	for _, name := range slices.Sorted(maps.Keys(worker.Certificates)) {
		bindings = append(bindings, object{"type": "mtls_certificate", "name": name, "certificate_id": worker.Certificates[name]})
	}
	if err := s.add(opWorkerSettings, entry{account: accountID, key: worker.Name, value: object{"bindings": bindings}}); err != nil {
		return err
	}
	return s.add(opWorkers, entry{account: accountID, key: worker.Name, value: object{"id": worker.Name}})
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
	return s.add(opPagesProjects, entry{account: accountID, key: project.Name, value: object{
		"name":               project.Name,
		"deployment_configs": object{"production": environment(project.Production), "preview": environment(project.Preview)},
	}})
}

// AddHyperdriveConfig adds a Hyperdrive configuration to an account.
func (s *Server) AddHyperdriveConfig(accountID string, config HyperdriveConfig) error {
	return s.add(opHyperdriveConfigs, entry{account: accountID, key: config.ID, value: generated.HyperdriveConfig{
		ID: config.ID, Name: config.Name, Origin: &generated.HyperdriveOrigin{Scheme: "postgres"},
		MTLS: generated.HyperdriveMTLS{CaCertificateID: config.CACertificateID, MTLSCertificateID: config.CertificateID},
	}})
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
	return s.add(opGateway, entry{account: accountID, key: accountID, value: object{"settings": settings}})
}

// AddPostureRule adds a device posture rule to an account.
func (s *Server) AddPostureRule(accountID string, rule PostureRule) error {
	return s.add(opPostureRules, entry{account: accountID, key: rule.ID, value: object{
		"id": rule.ID, "name": rule.Name, "type": cmp.Or(rule.Type, "client_certificate"),
		"input": generated.PostureInput{CertificateID: rule.CertificateID},
	}})
}

func (s *Server) add(operation string, e entry) error {
	if err := checkIDs(e.account, e.key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.put(operation, e)
}

// checkIDs returns an error if a client refuses to send the id of an account, or the id
// of an entry in it.
func checkIDs(account, id string) error {
	return api.CertificateRef{AccountID: account, ID: id}.Validate()
}

// put stores an entry, unless a response with it would break the contract.
func (s *Server) put(operation string, e entry) error {
	op, err := s.operation(operation)
	if err != nil {
		return err
	}
	result := e.value
	if schema := apispec.Child(op.Schema(http.StatusOK), "result"); schema != nil && schema.Value.Type.Is(openapi3.TypeArray) {
		result = []any{result}
	}
	if _, err := jsonResult(result).complete(op); err != nil {
		return err
	}
	s.addAccount(e.account)
	if before := s.find(operation, e.account, e.key); before != nil {
		*before = e
	} else {
		s.store[operation] = append(s.store[operation], e)
	}
	return nil
}

// find returns an entry of the store, or nil.
func (s *Server) find(operation, account, key string) *entry {
	for i := range s.store[operation] {
		if e := &s.store[operation][i]; e.account == account && e.key == key {
			return e
		}
	}
	return nil
}

// certificate returns the entry of a certificate, or nil.
func (s *Server) certificate(cert api.CertificateRef) *entry {
	return s.find(opCertificates, cert.AccountID, cert.ID)
}

func (s *Server) accountOf(zone string) (account string, known bool) {
	for _, e := range s.store[opZones] {
		if e.key == zone {
			return e.account, true
		}
	}
	return "", false
}

// describe returns the certificate as in responses.
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
