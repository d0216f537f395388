// Where the photograph is on the screen: screen points are CSS pixels of the canvas.

export const camera = { x: 0, y: 0, scale: 1, fitted: true };

export const toScreen = (x, y) => [x * camera.scale + camera.x, y * camera.scale + camera.y];

export const toImage = (x, y) => [(x - camera.x) / camera.scale, (y - camera.y) / camera.scale];
