package lock

import "time"

// Now is the time that locks are judged by: the database's, or a little later.
func (v *View) Now() time.Time { return v.fresh.Now() }
