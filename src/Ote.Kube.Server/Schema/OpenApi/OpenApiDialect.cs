using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema.OpenApi;

/// <summary>Where the two versions of OpenAPI write the same schema differently.</summary>
internal abstract class OpenApiDialect
{
    public static OpenApiDialect V2 { get; } = new Second();

    public static OpenApiDialect V3 { get; } = new Third();

    public abstract string ReferencePrefix { get; }

    /// <summary>Adapts a built-in definition.</summary>
    public abstract void Adapt(JsonObject definition, string name);

    /// <summary>Adapts a custom resource's schema.</summary>
    public abstract void AdaptCustom(JsonObject schema);

    /// <summary>Writes a reference into a schema that may have attributes of its own.</summary>
    public abstract void Refer(JsonObject schema, string name);

    private sealed class Second : OpenApiDialect
    {
        private static readonly string[] s_unknown = ["default", "nullable", "oneOf", "anyOf", "allOf", "not", "x-kubernetes-validations"];

        public override string ReferencePrefix => "#/definitions/";

        public override void Adapt(JsonObject definition, string name)
        {
        }

        public override void Refer(JsonObject schema, string name) => schema["$ref"] = ReferencePrefix + name;

        /// <summary>
        /// Clients that read v2 check objects with it and know neither null nor unknown fields: where those are allowed, nothing is said, so that
        /// nothing valid is refused.
        /// </summary>
        public override void AdaptCustom(JsonObject schema)
        {
            bool silent = schema["nullable"].IsTrue() || schema["x-kubernetes-preserve-unknown-fields"].IsTrue();
            foreach (string name in s_unknown)
                schema.Remove(name);
            if (silent)
            {
                schema.Remove("type");
                schema.Remove("items");
                schema.Remove("properties");
                schema.Remove("required");
            }
            foreach ((_, JsonNode? property) in schema.ObjectAt("properties") ?? [])
                AdaptEach(property);
            AdaptEach(schema["items"]);
            AdaptEach(schema["additionalProperties"]);
        }

        private void AdaptEach(JsonNode? node)
        {
            if (node is JsonObject schema)
                AdaptCustom(schema);
        }
    }

    private sealed class Third : OpenApiDialect
    {
        public override string ReferencePrefix => "#/components/schemas/";

        public override void Adapt(JsonObject definition, string name)
        {
            string? other = definition["format"].Text() == "int-or-string" ? "integer" : name.EndsWith(".resource.Quantity", StringComparison.Ordinal) ? "number" : null;
            if (other is null)
                return;
            definition.Remove("type");
            definition["oneOf"] = new JsonArray(new JsonObject { ["type"] = "string" }, new JsonObject { ["type"] = other });
        }

        public override void AdaptCustom(JsonObject schema)
        {
        }

        /// <summary>Version 3 ignores what stands beside a reference, so attributes go beside an allOf.</summary>
        public override void Refer(JsonObject schema, string name)
        {
            if (schema.Count == 1)
                schema["$ref"] = ReferencePrefix + name;
            else
            {
                schema.Remove("$ref");
                schema["allOf"] = new JsonArray(new JsonObject { ["$ref"] = ReferencePrefix + name });
            }
        }
    }
}
