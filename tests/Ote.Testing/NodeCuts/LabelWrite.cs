namespace Ote.Testing.NodeCuts;

/// <summary>A label that the node wrote.</summary>
/// <param name="Seen">What it saw in its place before; null: nothing.</param>
/// <param name="Value">What it wrote; no other wrote the same.</param>
/// <param name="WasCut">Whether the hub took it for the API server.</param>
internal sealed record LabelWrite(string? Seen, string Value, bool WasCut);
