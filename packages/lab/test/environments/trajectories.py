# python trajectories.py > trajectories.json
# Trajectories of Gymnasium's closed-form environments, from its equations and constants, in float64.
# Written after gymnasium/envs/classic_control/{cartpole,mountain_car,acrobot}.py, release 1.0.
import json
import random
from math import cos, pi, sin

import numpy as np


def cartpole(state, action):
    gravity, masscart, masspole, length, force_mag, tau = 9.8, 1.0, 0.1, 0.5, 10.0, 0.02
    total_mass, polemass_length = masspole + masscart, masspole * length
    x, x_dot, theta, theta_dot = state
    force = force_mag if action == 1 else -force_mag
    costheta, sintheta = np.cos(theta), np.sin(theta)
    temp = (force + polemass_length * np.square(theta_dot) * sintheta) / total_mass
    thetaacc = (gravity * sintheta - costheta * temp) / (
        length * (4.0 / 3.0 - masspole * np.square(costheta) / total_mass)
    )
    xacc = temp - polemass_length * thetaacc * costheta / total_mass
    x, x_dot = x + tau * x_dot, x_dot + tau * xacc
    theta, theta_dot = theta + tau * theta_dot, theta_dot + tau * thetaacc
    limit = 12 * 2 * pi / 360
    terminated = bool(x < -2.4 or x > 2.4 or theta < -limit or theta > limit)
    return [x, x_dot, theta, theta_dot], 1.0, terminated


def mountaincar(state, action):
    position, velocity = state
    velocity += (action - 1) * 0.001 + cos(3 * position) * (-0.0025)
    velocity = float(np.clip(velocity, -0.07, 0.07))
    position = float(np.clip(position + velocity, -1.2, 0.6))
    if position == -1.2 and velocity < 0:
        velocity = 0.0
    return [position, velocity], -1.0, bool(position >= 0.5 and velocity >= 0)


def acrobot(state, action):
    m1 = m2 = l1 = i1 = i2 = 1.0
    lc1 = lc2 = 0.5
    g = 9.8

    def dsdt(augmented):
        theta1, theta2, dtheta1, dtheta2, a = augmented
        d1 = m1 * lc1**2 + m2 * (l1**2 + lc2**2 + 2 * l1 * lc2 * cos(theta2)) + i1 + i2
        d2 = m2 * (lc2**2 + l1 * lc2 * cos(theta2)) + i2
        phi2 = m2 * lc2 * g * cos(theta1 + theta2 - pi / 2.0)
        phi1 = (
            -m2 * l1 * lc2 * dtheta2**2 * sin(theta2)
            - 2 * m2 * l1 * lc2 * dtheta2 * dtheta1 * sin(theta2)
            + (m1 * lc1 + m2 * l1) * g * cos(theta1 - pi / 2)
            + phi2
        )
        ddtheta2 = (a + d2 / d1 * phi1 - m2 * l1 * lc2 * dtheta1**2 * sin(theta2) - phi2) / (
            m2 * lc2**2 + i2 - d2**2 / d1
        )
        ddtheta1 = -(d2 * ddtheta2 + phi1) / d1
        return np.array([dtheta1, dtheta2, ddtheta1, ddtheta2, 0.0])

    def wrap(x, low, high):
        while x > high:
            x -= high - low
        while x < low:
            x += high - low
        return x

    dt = 0.2
    y0 = np.array([*state, float(action - 1)])
    k1 = dsdt(y0)
    k2 = dsdt(y0 + dt / 2 * k1)
    k3 = dsdt(y0 + dt / 2 * k2)
    k4 = dsdt(y0 + dt * k3)
    ns = (y0 + dt / 6.0 * (k1 + 2 * k2 + 2 * k3 + k4))[:4]
    ns[0], ns[1] = wrap(ns[0], -pi, pi), wrap(ns[1], -pi, pi)
    ns[2] = min(max(ns[2], -4 * pi), 4 * pi)
    ns[3] = min(max(ns[3], -9 * pi), 9 * pi)
    terminated = bool(-cos(ns[0]) - cos(ns[1] + ns[0]) > 1.0)
    return [float(v) for v in ns], 0.0 if terminated else -1.0, terminated


def swing(state, _):
    """Pumps the second link, so that the trajectory leaves the small angles and ends."""
    return 2 if state[3] > 0 else 0


def along(state, _):
    """Pushes the car the way it goes."""
    return 2 if state[1] >= 0 else 0


def trajectory(step, first, choose, most):
    state, steps = first, []
    for i in range(most):
        action = choose(state, i)
        state, reward, terminated = step(state, action)
        steps.append({"action": action, "state": [float(v) for v in state], "reward": reward, "terminated": terminated})
        if terminated:
            break
    return {"first": first, "steps": steps}


draw = random.Random(0)
starts = {n: [draw.uniform(-0.05, 0.05) for _ in range(4)] for n in range(4)}
trajectories = {
    "cartpole": [
        trajectory(cartpole, starts[0], lambda s, _: draw.randrange(2), 100),
        # Balances for a while: long runs show small errors.
        trajectory(cartpole, starts[1], lambda s, _: int(s[2] + 0.3 * s[3] > 0), 200),
        trajectory(cartpole, starts[2], lambda s, _: 1, 100),
    ],
    "mountaincar": [
        trajectory(mountaincar, [-0.5, 0.0], along, 200),
        trajectory(mountaincar, [-0.45, 0.0], lambda s, _: draw.randrange(3), 100),
        # Into the wall on the left.
        trajectory(mountaincar, [-1.1, -0.06], lambda s, _: 0, 30),
    ],
    "acrobot": [
        trajectory(acrobot, starts[3], swing, 200),
        trajectory(acrobot, [0.05, -0.05, 0.02, 0.01], lambda s, _: draw.randrange(3), 60),
        # Spinning past π and against the limits of speed.
        trajectory(acrobot, [3.0, -3.0, 12.0, 28.0], lambda s, _: 2, 10),
    ],
}
print(json.dumps({"generator": "trajectories.py", "numpy": np.__version__, "trajectories": trajectories}))
