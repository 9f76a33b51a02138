package hand

import (
	"context"
	"net/url"
	"sync"
)

// Inventory returns a function that counts the unused certificates of an account, with
// the given number of concurrent workers. It reads the first page of each list. For an
// account without uses and without further pages, it calls the same operations as often
// as an inventory of package api. It finds uses by associations, Workers and hostnames,
// and ignores those by Pages, Hyperdrive, device posture and Gateway.
func Inventory(baseURL, token string, workers int) func(ctx context.Context, account string) (unused int, err error) {
	c := newClient(baseURL, token, nil)
	return func(ctx context.Context, account string) (int, error) {
		return c.inventory(ctx, "/accounts/"+url.PathEscape(account), workers)
	}
}

type named struct {
	ID string `json:"id"`
}

type settings struct {
	Bindings []struct {
		CertificateID string `json:"certificate_id"`
	} `json:"bindings"`
}

func (c *client) inventory(ctx context.Context, account string, workers int) (int, error) {
	used := map[string]bool{}
	var mu sync.Mutex
	use := func(id string) {
		mu.Lock()
		defer mu.Unlock()
		used[id] = true
	}
	scripts, err := list[named](ctx, c, account+"/workers/scripts")
	if err != nil {
		return 0, err
	}
	err = each(workers, scripts, func(script named) error {
		got, err := get[settings](ctx, c, account+"/workers/scripts/"+url.PathEscape(script.ID)+"/settings")
		for _, binding := range got.Bindings {
			use(binding.CertificateID)
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	for _, path := range []string{"/pages/projects", "/hyperdrive/configs", "/devices/posture"} {
		if _, err := list[named](ctx, c, account+path); err != nil {
			return 0, err
		}
	}
	if _, err := get[named](ctx, c, account+"/gateway/configuration"); err != nil {
		return 0, err
	}
	zones, err := list[named](ctx, c, "/zones")
	if err != nil {
		return 0, err
	}
	certificates, err := list[certificate](ctx, c, account+"/mtls_certificates")
	if err != nil {
		return 0, err
	}
	err = each(workers, certificates, func(cert certificate) error {
		associations, err := list[association](ctx, c, account+"/mtls_certificates/"+url.PathEscape(cert.ID)+"/associations")
		if err != nil {
			return err
		}
		if len(associations) > 0 {
			use(cert.ID)
		}
		if cert.CA == nil || !*cert.CA {
			return nil
		}
		for _, zone := range zones {
			got, err := get[struct {
				Hostnames []string `json:"hostnames"`
			}](ctx, c, "/zones/"+url.PathEscape(zone.ID)+"/certificate_authorities/hostname_associations?mtls_certificate_id="+url.QueryEscape(cert.ID))
			if err != nil {
				return err
			}
			if len(got.Hostnames) > 0 {
				use(cert.ID)
				break
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	unused := 0
	for _, cert := range certificates {
		if !used[cert.ID] {
			unused++
		}
	}
	return unused, nil
}

// each calls do for all items with the given number of workers, and returns one of the
// errors.
func each[T any](workers int, items []T, do func(T) error) error {
	queue := make(chan T)
	failed := make(chan error, workers)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			var first error
			for item := range queue {
				if err := do(item); err != nil && first == nil {
					first = err
				}
			}
			failed <- first
		})
	}
	for _, item := range items {
		queue <- item
	}
	close(queue)
	wg.Wait()
	close(failed)
	for err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}
