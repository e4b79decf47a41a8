using System.Text.Json.Nodes;
using Ote.Kube.Server.Patching.Ownership;

namespace Ote.Kube.Server.Lifecycle;

/// <summary>What a change makes of a stored object.</summary>
/// <param name="Object">The object as it is wanted.</param>
/// <param name="Managed">Who owns its fields then; null when the writer becomes the owner of what differs.</param>
internal readonly record struct WantedObject(JsonObject Object, ManagedEntries? Managed);
