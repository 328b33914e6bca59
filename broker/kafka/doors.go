package kafka

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/weirhub/weir/broker"
)

// doors counts the connections of all listeners, in all and by address. The limits are configs of the broker and may
// change at any time; connections that are open stay.
type doors struct {
	mu struct {
		sync.Mutex
		open int
		byIP map[netip.Addr]int
		// next is when the connection after this one may be accepted: the broker's rate.
		next time.Time
	}
}

// enter lets a connection in, or tells why not. leave must be called when it is closed.
func (d *doors) enter(s *Server, nc net.Conn) (leave func(), err error) {
	ip := remoteIP(nc)
	all := min(s.configInt(broker.MaxConnections), s.o.MaxConnections)
	each := s.connectionsOf(ip)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.mu.open >= all:
		s.counters.refusedAll.Add(1)
		return nil, fmt.Errorf("%d connections are open, at most %d are served", d.mu.open, all)
	case d.mu.byIP[ip] >= each:
		s.counters.refusedAddress.Add(1)
		return nil, fmt.Errorf("%d connections of %s are open, at most %d are served", d.mu.byIP[ip], ip, each)
	}
	if d.mu.byIP == nil {
		d.mu.byIP = map[netip.Addr]int{}
	}
	d.mu.open++
	d.mu.byIP[ip]++
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.mu.open--
		if d.mu.byIP[ip]--; d.mu.byIP[ip] == 0 {
			delete(d.mu.byIP, ip)
		}
	}, nil
}

// count is the connections that are open.
func (d *doors) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mu.open
}

// pace tells how long to wait with accepting the next connection. A second's worth may come at once.
func (d *doors) pace(s *Server, now time.Time) time.Duration {
	rate := s.configInt(broker.MaxConnectionCreation)
	if rate >= unlimited {
		return 0
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if first := now.Add(-time.Second); d.mu.next.Before(first) {
		d.mu.next = first
	}
	d.mu.next = d.mu.next.Add(time.Second / time.Duration(max(rate, 1)))
	return max(d.mu.next.Sub(now), 0)
}

// unlimited is Kafka's default of its limits of connections.
const unlimited = 1<<31 - 1

// configInt is the value in force of a number among the broker's configs.
func (s *Server) configInt(name string) int {
	k, ok := broker.BrokerConfigKey(name)
	if !ok {
		panic("BUG: no config named " + name)
	}
	v, _ := s.b.BrokerConfig(k)
	n, err := strconv.Atoi(v)
	if err != nil {
		panic("BUG: unchecked config " + name + ": " + err.Error())
	}
	return n
}

// connectionsOf is how many connections an address may have.
func (s *Server) connectionsOf(ip netip.Addr) int {
	k, _ := broker.BrokerConfigKey(broker.MaxConnectionsByIP)
	if v, _ := s.b.BrokerConfig(k); v != "" {
		byIP, err := broker.ParseOverrides(v)
		if err != nil {
			panic("BUG: unchecked config " + k.Name + ": " + err.Error())
		}
		if n, ok := byIP[ip]; ok {
			return n
		}
	}
	return s.configInt(broker.MaxConnectionsPerIP)
}

func remoteIP(nc net.Conn) netip.Addr {
	if tcp, ok := nc.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// maxTurnAway bounds how long a connection that came too soon is held before it is closed. Without a hold its client
// would try again at once; a longer one would only keep the connection's place taken.
const maxTurnAway = time.Second

// turnAway holds and closes a connection of an address that opens too many, as Kafka does (KIP-612).
func (s *Server) turnAway(ctx context.Context, nc net.Conn, d time.Duration) {
	s.counters.refusedRate.Add(1)
	pause(ctx, min(d, maxTurnAway))
	_ = nc.Close()
}
