/** A size in binary units, as Kubernetes writes it. */
export type Quantity = `${number}${"Mi" | "Gi"}`;

const UNIT_BYTES = { Mi: 2 ** 20, Gi: 2 ** 30 } as const;

/** True for a whole number with a binary unit: `512Mi`, `4Gi`. */
export function isQuantity(text: string): text is Quantity {
  return /^[1-9]\d{0,5}(Mi|Gi)$/.test(text);
}

/** The size in bytes. */
export function quantityBytes(quantity: Quantity): number {
  const unit = quantity.endsWith("Mi") ? "Mi" : "Gi";
  return Number.parseInt(quantity, 10) * UNIT_BYTES[unit];
}
