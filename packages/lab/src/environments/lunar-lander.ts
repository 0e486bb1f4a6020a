import { type RandomStream, uniform } from '@znorm/train';
import { type Body, Box, Edge, Polygon, RevoluteJoint, Vec2, World } from 'planck';
import type { Environment, Episode } from './environment.ts';

// Gymnasium's constants. Lengths are in metres of the world, 1/30 of those it draws with.
const fps = 50;
const scale = 30;
const width = 600 / scale;
const height = 400 / scale;
const mainPower = 13;
const sidePower = 0.6;
const firstPush = 1000;
const outline = [
  [-14, 17],
  [-17, 0],
  [-17, -10],
  [17, -10],
  [17, 0],
  [14, 17],
];
const legAway = 20 / scale;
const legDown = 18 / scale;
const legTorque = 40;
const sideHeight = 14 / scale;
const sideAway = 12 / scale;
const mainBelow = 4 / scale;
const chunks = 11;
const padHeight = height / 4;
const [velocityIterations, positionIterations] = [6 * 30, 2 * 30];

interface Lander {
  readonly world: World;
  readonly body: Body;
  readonly legs: readonly Body[];
}

/**
 * A lander that should come to rest on a pad between hills: action 0 does nothing, 1 and 3 fire the side engines, 2
 * the main one. The agent sees place, speed, angle and spin, and which legs touch the ground. Coming closer, slower
 * and more upright earns, firing costs, landing gives 100, crashing or leaving takes 100.
 *
 * Gymnasium's LunarLander-v3 without wind, on a port of the physics it uses. Where Gymnasium rounds to float32, this
 * computes in float64: episodes agree in their rules and constants, not bit for bit.
 */
export const lunarLander: Environment = {
  name: 'lunarlander',
  observationSize: 8,
  actions: 4,
  maxSteps: 1000,
  solvedAt: 200,
  start(next) {
    const lander = launch(next);
    const touching = new Set<Body>();
    let crashed = false;
    const { world, body, legs } = lander;
    const legIn = (one: Body, other: Body) => legs.find((leg) => leg === one || leg === other);
    world.on('begin-contact', (contact) => {
      const [one, other] = [contact.getFixtureA().getBody(), contact.getFixtureB().getBody()];
      if (one === body || other === body) crashed = true;
      const leg = legIn(one, other);
      if (leg) touching.add(leg);
    });
    world.on('end-contact', (contact) => {
      const leg = legIn(contact.getFixtureA().getBody(), contact.getFixtureB().getBody());
      if (leg) touching.delete(leg);
    });

    let seen: readonly number[] = [];
    let shaping = 0;
    const advance = (action: number) => {
      const cost = fire(body, action, [uniform(next, -1, 1) / scale, uniform(next, -1, 1) / scale]);
      world.step(1 / fps, velocityIterations, positionIterations);
      seen = observed(lander, touching);
      const before = shaping;
      shaping = worth(seen);
      return shaping - before - cost;
    };
    // Gymnasium's reset() takes a step without firing, so that the first observation is of a body in motion.
    advance(0);
    const episode: Episode = {
      observe: (out) => out.set(seen),
      step(action) {
        const reward = advance(action);
        if (crashed || Math.abs(seen[0]) >= 1) return { reward: -100, terminated: true };
        if (!body.isAwake()) return { reward: 100, terminated: true };
        return { reward, terminated: false };
      },
    };
    return episode;
  },
};

function launch(next: RandomStream): Lander {
  const world = new World({ gravity: new Vec2(0, -10), allowSleep: true });
  raiseHills(world, next);
  const body = world.createBody({ type: 'dynamic', position: new Vec2(width / 2, height) });
  body.createFixture({
    shape: new Polygon(outline.map(([x, y]) => new Vec2(x / scale, y / scale))),
    density: 5,
    friction: 0.1,
    restitution: 0,
    filterCategoryBits: 0x10,
    filterMaskBits: 0x1,
  });
  const push = new Vec2(uniform(next, -firstPush, firstPush), uniform(next, -firstPush, firstPush));
  body.applyForceToCenter(push, true);
  const legs = [-1, 1].map((side) => {
    const leg = world.createBody({
      type: 'dynamic',
      position: new Vec2(width / 2 - side * legAway, height),
      angle: side * 0.05,
    });
    leg.createFixture({
      shape: new Box(2 / scale, 8 / scale),
      density: 1,
      restitution: 0,
      filterCategoryBits: 0x20,
      filterMaskBits: 0x1,
    });
    world.createJoint(
      new RevoluteJoint({
        bodyA: body,
        bodyB: leg,
        localAnchorA: new Vec2(0, 0),
        localAnchorB: new Vec2(side * legAway, legDown),
        referenceAngle: 0,
        enableMotor: true,
        enableLimit: true,
        maxMotorTorque: legTorque,
        motorSpeed: 0.3 * side,
        lowerAngle: side < 0 ? 0.4 : -0.9,
        upperAngle: side < 0 ? 0.9 : -0.4,
      }),
    );
    return leg;
  });
  return { world, body, legs };
}

/** Ground of random heights, smoothed, with a level pad in the middle. */
function raiseHills(world: World, next: RandomStream): void {
  const heights = Array.from({ length: chunks + 1 }, () => uniform(next, 0, height / 2));
  const middle = Math.floor(chunks / 2);
  heights.fill(padHeight, middle - 2, middle + 3);
  const at = (i: number) => heights[(i + heights.length) % heights.length];
  const points = Array.from({ length: chunks }, (_, i) => {
    return new Vec2((width / (chunks - 1)) * i, 0.33 * (at(i - 1) + at(i) + at(i + 1)));
  });
  const moon = world.createBody();
  moon.createFixture({ shape: new Edge(new Vec2(0, 0), new Vec2(width, 0)) });
  for (let i = 1; i < chunks; i++) {
    moon.createFixture({ shape: new Edge(points[i - 1], points[i]), density: 0, friction: 0.1 });
  }
}

/** Fires what the action asks for, a little off its axis each time. @returns what it costs */
function fire(body: Body, action: number, [along, across]: readonly [number, number]): number {
  if (action === 0) return 0;
  const [sin, cos] = [Math.sin(body.getAngle()), Math.cos(body.getAngle())];
  const { x, y } = body.getPosition();
  const push = (dx: number, dy: number, power: number, at: Vec2) =>
    body.applyLinearImpulse(new Vec2(-dx * power, -dy * power), at, true);
  if (action === 2) {
    const [down, aside] = [mainBelow + 2 * along, across];
    const [dx, dy] = [sin * down - cos * aside, -cos * down - sin * aside];
    push(dx, dy, mainPower, new Vec2(x + dx, y + dy));
    return 0.3;
  }
  const aside = 3 * across + (action - 2) * sideAway;
  const [dx, dy] = [sin * along - cos * aside, -cos * along - sin * aside];
  push(dx, dy, sidePower, new Vec2(x + dx - (sin * 17) / scale, y + dy + cos * sideHeight));
  return 0.03;
}

function observed({ body, legs }: Lander, touching: ReadonlySet<Body>): number[] {
  const { x, y } = body.getPosition();
  const { x: vx, y: vy } = body.getLinearVelocity();
  return [
    (x - width / 2) / (width / 2),
    (y - (padHeight + legDown)) / (height / 2),
    (vx * (width / 2)) / fps,
    (vy * (height / 2)) / fps,
    body.getAngle(),
    (20 * body.getAngularVelocity()) / fps,
    ...legs.map((leg) => (touching.has(leg) ? 1 : 0)),
  ];
}

/** What a situation is worth: its changes are the reward. */
function worth([x, y, vx, vy, angle, , left, right]: readonly number[]): number {
  return -100 * Math.hypot(x, y) - 100 * Math.hypot(vx, vy) - 100 * Math.abs(angle) + 10 * left + 10 * right;
}
