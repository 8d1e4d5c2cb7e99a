package account

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

var anyGroup = idp.Object{Resource: idp.ResourceGroup}

// GetGroup returns a group. Errors: CodeForbidden, CodeNotFound.
func (s *Service) GetGroup(ctx context.Context, actor idp.Actor, id idp.GroupID) (*idp.Group, error) {
	if err := s.access.Check(actor, idp.VerbRead, anyGroup); err != nil {
		return nil, err
	}
	return s.store.Repos().Groups.Get(ctx, id)
}

// FindGroups lists groups. Errors: CodeForbidden.
func (s *Service) FindGroups(ctx context.Context, actor idp.Actor, filter idp.GroupFilter) (idp.Page[idp.Group], error) {
	if err := s.access.Check(actor, idp.VerbList, anyGroup); err != nil {
		return idp.Page[idp.Group]{}, err
	}
	return s.store.Repos().Groups.Find(ctx, filter)
}

// Members lists the direct members of a group. Errors: CodeForbidden.
func (s *Service) Members(ctx context.Context, actor idp.Actor, group idp.GroupID, p idp.Paging) (idp.Page[idp.User], error) {
	if err := s.access.Check(actor, idp.VerbRead, anyGroup); err != nil {
		return idp.Page[idp.User]{}, err
	}
	return s.store.Repos().Groups.Members(ctx, group, p)
}

// CreateGroup makes a group. Errors: CodeForbidden; CodeInvalid on name,
// parents, users or attributes.
func (s *Service) CreateGroup(ctx context.Context, actor idp.Actor, n NewGroup) (*idp.Group, error) {
	if err := s.access.Check(actor, idp.VerbCreate, anyGroup); err != nil {
		return nil, err
	}
	draft := idp.Group{Name: strings.TrimSpace(n.Name), IsSuperuser: n.IsSuperuser, Attributes: n.Attributes, Parents: unique(n.Parents)}
	if err := checkGroup(&draft); err != nil {
		return nil, err
	}
	var created *idp.Group
	err := s.store.InTx(ctx, func(tx idp.Repos) error {
		now, err := s.permitted(ctx, tx, actor, idp.VerbCreate, anyGroup)
		if err != nil {
			return err
		}
		g := draft
		g.ID = idp.NewID[idp.Group]()
		if err := knownGroups(ctx, tx, "parents", g.Parents); err != nil {
			return err
		}
		if err := tx.Groups.Create(ctx, &g); err != nil {
			return err
		}
		if err := s.mayShape(ctx, tx, now, g.ID); err != nil {
			return err
		}
		if len(n.Users) > 0 {
			if err := setMembers(ctx, tx, g.ID, n.Users); err != nil {
				return err
			}
		}
		if err := s.giveGroup(ctx, tx, now, &g, some(n.Roles)); err != nil {
			return err
		}
		if created, err = tx.Groups.Get(ctx, g.ID); err != nil {
			return err
		}
		facts := groupFacts(created)
		facts["users"] = ints(unique(n.Users))
		return tx.Events.Append(ctx, idp.ModelCreatedEvent(app, now, nil, facts))
	})
	if err != nil {
		return nil, fmt.Errorf("creating a group: %w", err)
	}
	return created, nil
}

// UpdateGroup changes a group. Errors: CodeForbidden; CodeNotFound; CodeInvalid
// on the field concerned, or on none when it would leave no administrator.
func (s *Service) UpdateGroup(ctx context.Context, actor idp.Actor, id idp.GroupID, p GroupPatch) (*idp.Group, error) {
	var changed *idp.Group
	err := s.changeGroup(ctx, actor, idp.VerbUpdate, id, func(tx idp.Repos, now idp.Actor, g *idp.Group) error {
		if p.Name != nil {
			g.Name = strings.TrimSpace(*p.Name)
		}
		if p.IsSuperuser != nil {
			g.IsSuperuser = *p.IsSuperuser
		}
		if p.Attributes != nil {
			g.Attributes = *p.Attributes
		}
		if p.Parents != nil {
			g.Parents = unique(*p.Parents)
			if err := knownGroups(ctx, tx, "parents", g.Parents); err != nil {
				return err
			}
		}
		if err := checkGroup(g); err != nil {
			return err
		}
		if err := tx.Groups.Update(ctx, g); err != nil {
			return err
		}
		if err := s.mayShape(ctx, tx, now, id); err != nil {
			return err
		}
		facts := groupFacts(g)
		if p.Users != nil {
			if err := tellMembers(ctx, tx, facts, id, *p.Users); err != nil {
				return err
			}
		}
		if err := s.giveGroup(ctx, tx, now, g, p.Roles); err != nil {
			return err
		}
		var err error
		if changed, err = tx.Groups.Get(ctx, id); err != nil {
			return err
		}
		return tx.Events.Append(ctx, idp.ModelUpdatedEvent(app, now, nil, facts))
	})
	if err != nil {
		return nil, fmt.Errorf("changing group %s: %w", id, err)
	}
	return changed, nil
}

// DeleteGroup deletes a group; its members stay. Errors: CodeForbidden;
// CodeNotFound; CodeInvalid when it would leave no administrator.
func (s *Service) DeleteGroup(ctx context.Context, actor idp.Actor, id idp.GroupID) error {
	err := s.changeGroup(ctx, actor, idp.VerbDelete, id, func(tx idp.Repos, now idp.Actor, g *idp.Group) error {
		if s.release != nil {
			if err := s.release(ctx, tx, now, g); err != nil {
				return err
			}
		}
		if err := tx.Groups.Delete(ctx, id); err != nil {
			return err
		}
		return tx.Events.Append(ctx, idp.ModelDeletedEvent(app, now, nil, groupFacts(g)))
	})
	if err != nil {
		return fmt.Errorf("deleting group %s: %w", id, err)
	}
	return nil
}

// changeGroup runs a change of a group that might take somebody's rights away:
// one after the other, with a permitted actor, and undone when it leaves no
// administrator.
func (s *Service) changeGroup(ctx context.Context, actor idp.Actor, verb idp.Verb, id idp.GroupID,
	change func(idp.Repos, idp.Actor, *idp.Group) error) error {
	if err := s.access.Check(actor, verb, anyGroup); err != nil {
		return err
	}
	return s.store.InTx(ctx, func(tx idp.Repos) error { return s.changeGroupIn(ctx, tx, actor, verb, id, change) })
}

// changeGroupIn is changeGroup in a transaction that there is.
func (s *Service) changeGroupIn(ctx context.Context, tx idp.Repos, actor idp.Actor, verb idp.Verb, id idp.GroupID,
	change func(idp.Repos, idp.Actor, *idp.Group) error) error {
	return keepAdministrator(ctx, tx, actor, func() error {
		g, err := tx.Groups.Get(ctx, id)
		if err != nil {
			return err
		}
		now, err := s.permitted(ctx, tx, actor, verb, anyGroup)
		if err != nil {
			return err
		}
		if err := s.mayShape(ctx, tx, now, id); err != nil {
			return err
		}
		return change(tx, now, g)
	})
}

func checkGroup(g *idp.Group) error {
	var faults idp.Faults
	faults.Line("name", g.Name, maxGroupName, false)
	faults.Attributes("attributes", g.Attributes)
	return faults.Err()
}

// knownGroups refuses groups that do not exist, naming each.
func knownGroups(ctx context.Context, tx idp.Repos, field string, ids []idp.GroupID) error {
	var faults idp.Faults
	for chunk := range slices.Chunk(ids, 1_000) {
		page, err := tx.Groups.Find(ctx, idp.GroupFilter{Paging: idp.Paging{Limit: len(chunk)}, IDs: chunk})
		if err != nil {
			return err
		}
		found := make(map[idp.GroupID]bool, len(page.Items))
		for i := range page.Items {
			found[page.Items[i].ID] = true
		}
		for _, id := range chunk {
			if !found[id] {
				faults.Add(field, "Invalid pk \"%s\" - object does not exist.", id)
			}
		}
	}
	return faults.Err()
}

// groupFacts shows a group inside an event.
func groupFacts(g *idp.Group) map[string]any {
	return map[string]any{
		"model":        map[string]any{"app": app, "model_name": "group", "pk": g.ID.String(), "name": g.Name},
		"is_superuser": g.IsSuperuser,
	}
}

func ints(ids []idp.UserID) []int {
	out := make([]int, len(ids))
	for i, id := range ids {
		out[i] = int(id)
	}
	return out
}
