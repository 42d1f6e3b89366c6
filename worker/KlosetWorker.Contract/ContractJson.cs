using System.Text.Json;
using System.Text.Json.Serialization;

namespace KlosetWorker.Contract;

/// <summary>
/// The one JSON dialect between operator and worker: camelCase names, enums as strings, absent instead of null.
/// Unknown members are ignored so that an older worker can read a newer run file of the same schema number.
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    ReadCommentHandling = JsonCommentHandling.Disallow)]
[JsonSerializable(typeof(RunFile))]
[JsonSerializable(typeof(RunResult))]
[JsonSerializable(typeof(RunProgress))]
public sealed partial class ContractJson : JsonSerializerContext;
