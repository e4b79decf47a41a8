using System.Text.Json;

namespace Ote.Kube.Server.Patching.Ownership;

/// <summary>Who writes, for the entry that notes it.</summary>
/// <param name="Manager">The name.</param>
/// <param name="Subresource">Through which endpoint; null for the object's own.</param>
/// <param name="Time">Now, in Kubernetes' form.</param>
internal readonly record struct FieldWriter(string Manager, string? Subresource, string Time);

/// <summary>One entry of <c>metadata.managedFields</c>: what a manager owns by one kind of write.</summary>
/// <param name="Manager">Its name.</param>
/// <param name="Applies">Whether it owns by applying; else by updates.</param>
/// <param name="ApiVersion">The version in which the fields are named.</param>
/// <param name="Subresource">The endpoint by which it wrote; null for the object's own.</param>
/// <param name="Time">When it last took a field, in Kubernetes' form; null when that is not known.</param>
/// <param name="Fields">What it owns.</param>
internal sealed record ManagedEntry(string Manager, bool Applies, string ApiVersion, string? Subresource, string? Time, FieldSet Fields)
{
    public const string Apply = "Apply";
    public const string Update = "Update";

    /// <summary>Whether both are of one manager: an applier is the same in every version, an updater is another one in each.</summary>
    public bool IsOf(ManagedEntry other) => IsSameWriter(other) && (Applies || ApiVersion == other.ApiVersion);

    /// <summary>As <see cref="IsOf"/>, whatever the versions.</summary>
    public bool IsSameWriter(ManagedEntry other) => Manager == other.Manager && Applies == other.Applies && Subresource == other.Subresource;

    /// <summary>The manager as messages about conflicts name it.</summary>
    public string Described()
    {
        string by = Schema.FieldError.Quote(Manager) + (Subresource is null ? "" : $" with subresource {Schema.FieldError.Quote(Subresource)}");
        return Applies ? by : $"{by} using {ApiVersion}";
    }

    /// <summary>Appliers first, then by time, name, version and subresource.</summary>
    public static int Compare(ManagedEntry a, ManagedEntry b)
    {
        if (a.Applies != b.Applies)
            return a.Applies ? -1 : 1;
        int order = string.CompareOrdinal(a.Time ?? "", b.Time ?? "");
        if (order == 0)
            order = string.CompareOrdinal(a.Manager, b.Manager);
        if (order == 0)
            order = string.CompareOrdinal(a.ApiVersion, b.ApiVersion);
        return order != 0 ? order : string.CompareOrdinal(a.Subresource ?? "", b.Subresource ?? "");
    }

    public void WriteTo(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("manager"u8, Manager);
        writer.WriteString("operation"u8, Applies ? Apply : Update);
        writer.WriteString("apiVersion"u8, ApiVersion);
        if (Time is not null)
            writer.WriteString("time"u8, Time);
        writer.WriteString("fieldsType"u8, "FieldsV1"u8);
        writer.WritePropertyName("fieldsV1"u8);
        FieldsV1.Write(writer, Fields);
        if (Subresource is not null)
            writer.WriteString("subresource"u8, Subresource);
        writer.WriteEndObject();
    }
}
