using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Lifecycle;

/// <summary>Lets pass what the schema allows: unknown fields are reported and dropped, defaults filled in, the rest validated.</summary>
internal static class SchemaGate
{
    private const int MaxReported = 32;

    /// <summary>Applies the kind's schema to an object in place; old is what it replaces, null on create.</summary>
    /// <exception cref="ApiError">400 for unknown fields under strict validation or an object that is no such kind, 422 for a field that is wrong.</exception>
    public static void Pass(SchemaCatalog catalog, WriteContext context, JsonObject obj, JsonObject? old)
    {
        var kind = context.Kind;
        var unknown = catalog.Prune(kind, obj);
        if (unknown.Count > 0)
        {
            switch (context.Validation)
            {
                case FieldValidation.Strict:
                    throw Undecodable(kind, "strict decoding error: " + string.Join(", ", unknown.Take(MaxReported).Select(InvalidStatus.UnknownField)));
                case FieldValidation.Warn:
                    foreach (var path in unknown.Take(MaxReported))
                    {
                        context.Warn(InvalidStatus.UnknownField(path));
                    }

                    break;
            }
        }

        catalog.Default(kind, obj);
        if (kind is { IsCustom: true, IsStorage: false } && catalog.All.FirstOrDefault(k => k.CrdName == kind.CrdName && k.IsStorage) is { } stored)
        {
            // What is stored is read in the stored version too, and has its defaults.
            catalog.Default(stored, obj);
        }

        var errors = catalog.Validate(kind, obj);
        if (old is not null && context.Subresource is null && !errors.Any(e => e.Type == FieldErrorType.Undecodable))
        {
            errors = [.. errors, .. catalog.ValidateUpdate(kind, old, obj).Except(errors)];
        }

        if (errors.Count == 0)
        {
            return;
        }

        throw errors.FirstOrDefault(e => e.Type == FieldErrorType.Undecodable) is { } wrong
            ? Undecodable(kind, wrong.Detail)
            : ApiError.Invalid(kind, obj.Name(), [.. errors.Take(MaxReported).Select(e => (e.CauseReason, e.Message, e.Path.Length == 0 ? "<nil>" : e.Path))]);
    }

    private static ApiError Undecodable(KindInfo kind, string detail) =>
        detail.Contains("cannot be handled as", StringComparison.Ordinal)
            ? ApiError.BadRequest(detail)
            : ApiError.BadRequest($"{kind.Kind} in version \"{kind.Version}\" cannot be handled as a {kind.Kind}: {detail}");
}
